/* The version that a program was compiled against. molmo_version() of molmo.h tells the one that it runs with.
   The interface is compatible within one major version, and while that is 0, within one minor version. */
#ifndef MOLMO_VERSION_H
#define MOLMO_VERSION_H

#define MOLMO_VERSION_MAJOR 0
#define MOLMO_VERSION_MINOR 1
#define MOLMO_VERSION_PATCH 0
#define MOLMO_VERSION "0.1.0"

#endif
