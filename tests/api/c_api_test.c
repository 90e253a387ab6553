/* The C interface, compiled as C:  c_api_test POINTING_MODEL RANDOM_MODEL PICTURE. Prints what is wrong; status 1 on
 * any. */
#include <molmo/molmo.h>
#include <stdio.h>
#include <string.h>

static int num_failures = 0;

#define CHECK(condition)                                                              \
  do {                                                                                \
    if (!(condition)) {                                                               \
      printf("%s:%d: %s (%s)\n", __FILE__, __LINE__, #condition, molmo_last_error()); \
      ++num_failures;                                                                 \
    }                                                                                 \
  } while (0)

struct stream {
  char text[4096];
  size_t size;
  int calls_left; /* ends the answer when it reaches 0 */
};

static int collect(const char* text, size_t num_bytes, void* user_data) {
  struct stream* stream = user_data;
  if (num_bytes == 0) return 1;
  if (stream->size + num_bytes < sizeof stream->text) {
    memcpy(stream->text + stream->size, text, num_bytes);
    stream->size += num_bytes;
  }
  return --stream->calls_left > 0;
}

static void check_errors(const char* model_folder) {
  molmo_model* model = (molmo_model*)&num_failures;
  molmo_image* image = NULL;
  molmo_model_options options = MOLMO_MODEL_OPTIONS_INIT;
  const uint8_t pixel[3] = {1, 2, 3};

  CHECK(strcmp(molmo_version(), MOLMO_VERSION) == 0);
  CHECK(molmo_model_load("nowhere", NULL, &model) == MOLMO_NOT_FOUND);
  CHECK(model == NULL);
  CHECK(strstr(molmo_last_error(), "nowhere") != NULL);
  CHECK(molmo_model_load(NULL, NULL, &model) == MOLMO_INVALID_ARGUMENT);
  CHECK(molmo_model_load(model_folder, NULL, NULL) == MOLMO_INVALID_ARGUMENT);
  options.dtype = "f64";
  CHECK(molmo_model_load(model_folder, &options, &model) == MOLMO_INVALID_ARGUMENT);
  CHECK(strstr(molmo_last_error(), "bf16") != NULL);
  options.size = 0;
  CHECK(molmo_model_load(model_folder, &options, &model) == MOLMO_INVALID_ARGUMENT);
  CHECK(molmo_image_read("nowhere.png", &image) == MOLMO_NOT_FOUND);
  CHECK(molmo_image_decode("no picture", 10, &image) == MOLMO_BAD_DATA);
  CHECK(molmo_image_from_rgb(-1, 1, pixel, &image) == MOLMO_INVALID_ARGUMENT);
  CHECK(molmo_set_compute_threads(0) == MOLMO_INVALID_ARGUMENT);
  CHECK(molmo_session_reset(NULL) == MOLMO_INVALID_ARGUMENT);
  CHECK(molmo_image_height(NULL) == 0 && molmo_answer_num_points(NULL) == 0 && molmo_answer_text(NULL)[0] == '\0');
  molmo_model_free(NULL);
  molmo_image_free(NULL);
  molmo_session_free(NULL);
  molmo_answer_free(NULL);
}

static void check_points(const char* model_folder, const char* picture) {
  molmo_model* model = NULL;
  molmo_session* session = NULL;
  molmo_image* image = NULL;
  molmo_answer* answer = NULL;
  molmo_point point = MOLMO_POINT_INIT;
  /* A caller of an older version knows fewer fields; nothing behind them is touched. */
  struct {
    size_t size;
    double x, y, untouched;
  } old_point = {3 * sizeof(double), 0, 0, -1};

  CHECK(molmo_model_load(model_folder, NULL, &model) == MOLMO_OK);
  CHECK(molmo_session_create(model, &session) == MOLMO_OK);
  molmo_model_free(model); /* the session keeps the weights */
  CHECK(molmo_image_read(picture, &image) == MOLMO_OK);
  CHECK(molmo_image_width(image) == 420 && molmo_image_height(image) == 300);
  CHECK(molmo_session_point(session, "the mug", image, NULL, NULL, &answer) == MOLMO_OK);
  CHECK(molmo_answer_num_points(answer) == 2);
  CHECK(molmo_answer_point(answer, 0, &point) == MOLMO_OK);
  CHECK(point.x == 25 && point.y == 50 && point.x_px == 105 && point.y_px == 150 && point.image == 0);
  CHECK(strcmp(point.label, "mug") == 0 && strcmp(point.alt, "the mug") == 0);
  CHECK(molmo_answer_point(answer, 0, (molmo_point*)(void*)&old_point) == MOLMO_OK);
  CHECK(old_point.x == 25 && old_point.y == 50 && old_point.untouched == -1);
  CHECK(molmo_answer_point(answer, 2, &point) == MOLMO_INVALID_ARGUMENT);
  CHECK(molmo_answer_finish_reason(answer) == MOLMO_FINISH_STOP);
  CHECK(molmo_answer_num_tokens(answer) == 2);
  molmo_answer_free(answer);
  molmo_image_free(image);
  molmo_session_free(session);
}

static void check_answers(const char* model_folder) {
  molmo_model* model = NULL;
  molmo_session* session = NULL;
  molmo_answer* answer = NULL;
  molmo_request request = MOLMO_REQUEST_INIT;
  molmo_generation_options options = MOLMO_GENERATION_OPTIONS_INIT;
  struct stream stream = {"", 0, 1000};

  CHECK(molmo_model_load(model_folder, NULL, &model) == MOLMO_OK);
  CHECK(molmo_session_create(model, &session) == MOLMO_OK);
  CHECK(molmo_session_ask(session, &request, NULL, NULL, NULL, &answer) == MOLMO_INVALID_ARGUMENT); /* no prompt */
  request.prompt = "How many birds are there?";
  options.max_new_tokens = 6;
  CHECK(molmo_session_ask(session, &request, &options, collect, &stream, &answer) == MOLMO_OK);
  CHECK(molmo_answer_num_tokens(answer) == 6);
  CHECK(molmo_answer_finish_reason(answer) == MOLMO_FINISH_LENGTH);
  CHECK(stream.size == strlen(molmo_answer_text(answer)) &&
        memcmp(stream.text, molmo_answer_text(answer), stream.size) == 0);
  molmo_answer_free(answer);

  request.continues = 1;
  options.max_new_tokens = 100;
  stream.calls_left = 2;
  CHECK(molmo_session_ask(session, &request, &options, collect, &stream, &answer) == MOLMO_OK);
  CHECK(molmo_answer_finish_reason(answer) == MOLMO_FINISH_CANCELLED);
  molmo_answer_free(answer);
  options.top_p = 9;
  CHECK(molmo_session_ask(session, &request, &options, NULL, NULL, &answer) == MOLMO_INVALID_ARGUMENT);
  CHECK(answer == NULL);
  CHECK(molmo_session_reset(session) == MOLMO_OK);
  molmo_session_free(session);
  molmo_model_free(model);
}

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  check_errors(argv[2]);
  check_points(argv[1], argv[3]);
  check_answers(argv[2]);
  return num_failures == 0 ? 0 : 1;
}
