/* Marks what the shared library exports. Everything else of molmo is hidden. */
#ifndef MOLMO_EXPORT_H
#define MOLMO_EXPORT_H

#if defined(__GNUC__)
#define MOLMO_API __attribute__((visibility("default")))
#else
#define MOLMO_API
#endif

#endif
