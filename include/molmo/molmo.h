/* The C interface of molmo (C99).

     molmo_model* model = NULL;
     molmo_session* session = NULL;
     molmo_image* photo = NULL;
     molmo_answer* answer = NULL;
     if (molmo_model_load("Molmo-7B-D-0924", NULL, &model) == MOLMO_OK &&
         molmo_session_create(model, &session) == MOLMO_OK &&
         molmo_image_read("photo.jpg", &photo) == MOLMO_OK &&
         molmo_session_point(session, "the mug", photo, NULL, NULL, &answer) == MOLMO_OK) {
       printf("%s\n", molmo_answer_text(answer));
     } else {
       fprintf(stderr, "%s\n", molmo_last_error());
     }
     molmo_answer_free(answer); molmo_image_free(photo); molmo_session_free(session); molmo_model_free(model);

   Every function that can fail returns a status; molmo_last_error() then tells what went wrong, where, and what to do.
   Nothing is thrown, printed or aborted. What a function gives through an `out` argument belongs to the caller, who
   frees it with the function of its type; freeing NULL does nothing. Strings are UTF-8. Handles of different threads do
   not disturb each other; one session is for one thread at a time, a model may be shared by sessions.

   Structures begin with their own size, so that later versions can add fields at the end: initialise them with the
   _INIT macros. */
#ifndef MOLMO_H
#define MOLMO_H

#include <stddef.h>
#include <stdint.h>

#include "molmo/export.h"
#include "molmo/version.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum molmo_status {
  MOLMO_OK = 0,
  MOLMO_INVALID_ARGUMENT = 1, /* the caller asked for something that makes no sense */
  MOLMO_NOT_FOUND = 2,        /* a file, model or name does not exist */
  MOLMO_BAD_DATA = 3,         /* bytes from outside are not what they claim to be */
  MOLMO_UNSUPPORTED = 4,      /* understood, but not something that molmo does */
  MOLMO_IO = 5,               /* the operating system refused to read or write */
  MOLMO_OUT_OF_MEMORY = 6,
  MOLMO_INTERNAL = 7 /* a defect of molmo */
} molmo_status;

typedef struct molmo_model molmo_model;
typedef struct molmo_session molmo_session;
typedef struct molmo_image molmo_image;
typedef struct molmo_answer molmo_answer;

/* Version of the library that runs, "0.1.0". MOLMO_VERSION is the one that was compiled against. */
MOLMO_API const char* molmo_version(void);
/* What the last failed call of this thread said; "" before any. Valid until the next failed call of the thread. */
MOLMO_API const char* molmo_last_error(void);

/* Models. */
typedef struct molmo_model_options {
  size_t size;
  const char* dtype;          /* "f32", "bf16", "f16"; NULL: as stored */
  const char* device;         /* "cpu" or "cuda"; NULL: "cpu" */
  const char* adapter;        /* folder of a LoRA adapter, or NULL */
  int64_t max_context_tokens; /* 0: the model's own limit */
} molmo_model_options;
#define MOLMO_MODEL_OPTIONS_INIT \
  { sizeof(molmo_model_options), NULL, NULL, NULL, 0 }

/* A checkpoint folder. `options` may be NULL. */
MOLMO_API molmo_status molmo_model_load(const char* folder, const molmo_model_options* options, molmo_model** out);
/* Sessions that use the model keep it alive. */
MOLMO_API void molmo_model_free(molmo_model* model);
/* Threads that all models of this process compute with. */
MOLMO_API molmo_status molmo_set_compute_threads(int count);

/* Pictures. */
MOLMO_API molmo_status molmo_image_read(const char* path, molmo_image** out);
/* The bytes of a JPEG, PNG or WebP file. */
MOLMO_API molmo_status molmo_image_decode(const void* bytes, size_t num_bytes, molmo_image** out);
/* height * width * 3 bytes, copied: rows from the top, pixels from the left, red, green, blue. */
MOLMO_API molmo_status molmo_image_from_rgb(int64_t height, int64_t width, const uint8_t* pixels, molmo_image** out);
MOLMO_API int64_t molmo_image_height(const molmo_image* image);
MOLMO_API int64_t molmo_image_width(const molmo_image* image);
MOLMO_API void molmo_image_free(molmo_image* image);

/* Conversations. */
MOLMO_API molmo_status molmo_session_create(const molmo_model* model, molmo_session** out);
MOLMO_API void molmo_session_free(molmo_session* session);
/* Forgets the conversation. */
MOLMO_API molmo_status molmo_session_reset(molmo_session* session);

typedef struct molmo_request {
  size_t size;
  const char* prompt;
  const molmo_image* const* images; /* may be NULL when num_images is 0 */
  size_t num_images;
  const char* style; /* a task that the model was trained on, "vqa2", ...; NULL: none */
  int continues;     /* not 0: the next turn of the conversation; 0: a new one */
} molmo_request;
#define MOLMO_REQUEST_INIT \
  { sizeof(molmo_request), NULL, NULL, 0, NULL, 0 }

typedef struct molmo_generation_options {
  size_t size;
  int64_t max_new_tokens;
  double temperature; /* 0: the likeliest token, always */
  int64_t top_k;      /* 0: off */
  double top_p;       /* 1: off */
  double min_p;       /* 0: off */
  uint64_t seed;
  int64_t num_beams;
} molmo_generation_options;
#define MOLMO_GENERATION_OPTIONS_INIT \
  { sizeof(molmo_generation_options), 448, 0.0, 0, 1.0, 0.0, 0, 1 }

/* Gets the answer piece by piece: `num_bytes` of whole UTF-8 characters, not terminated. Returns 0 to end the answer.
 */
typedef int (*molmo_on_text)(const char* text, size_t num_bytes, void* user_data);

/* `options` and `on_text` may be NULL. An answer that the callback ended is still an answer: the status is MOLMO_OK. */
MOLMO_API molmo_status molmo_session_ask(molmo_session* session, const molmo_request* request,
                                         const molmo_generation_options* options, molmo_on_text on_text,
                                         void* user_data, molmo_answer** out);
/* Points to something in a picture, in the words that the released models know; begins a new conversation. */
MOLMO_API molmo_status molmo_session_point(molmo_session* session, const char* what, const molmo_image* image,
                                           molmo_on_text on_text, void* user_data, molmo_answer** out);

/* Answers. */
typedef enum molmo_finish_reason {
  MOLMO_FINISH_STOP = 0,   /* the model ended its answer */
  MOLMO_FINISH_LENGTH = 1, /* max_new_tokens, or the context is full */
  MOLMO_FINISH_CANCELLED = 2
} molmo_finish_reason;

typedef struct molmo_point {
  size_t size;
  double x, y;       /* percent of the picture's width and height, from the upper left corner */
  double x_px, y_px; /* the same in pixels of the upright picture */
  const char* label; /* what is there; valid as long as the answer */
  const char* alt;   /* what was asked for */
  int64_t image;     /* which picture of the request, from 0 */
} molmo_point;
#define MOLMO_POINT_INIT \
  { sizeof(molmo_point), 0.0, 0.0, 0.0, 0.0, NULL, NULL, 0 }

/* Without special tokens; valid as long as the answer. */
MOLMO_API const char* molmo_answer_text(const molmo_answer* answer);
MOLMO_API molmo_finish_reason molmo_answer_finish_reason(const molmo_answer* answer);
MOLMO_API int64_t molmo_answer_num_tokens(const molmo_answer* answer);
MOLMO_API size_t molmo_answer_num_points(const molmo_answer* answer);
/* Fills `out`, which says its size: molmo_point point = MOLMO_POINT_INIT. */
MOLMO_API molmo_status molmo_answer_point(const molmo_answer* answer, size_t index, molmo_point* out);
MOLMO_API void molmo_answer_free(molmo_answer* answer);

#ifdef __cplusplus
}
#endif

#endif
