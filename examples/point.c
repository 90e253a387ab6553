/* Points to something in a picture:  point MODEL PICTURE "the mug" */
#include <molmo/molmo.h>
#include <stdio.h>

static int show(const char* text, size_t num_bytes, void* user_data) {
  (void)user_data;
  fwrite(text, 1, num_bytes, stderr);
  return 1; /* 0 would end the answer */
}

int main(int argc, char** argv) {
  molmo_model* model = NULL;
  molmo_session* session = NULL;
  molmo_image* picture = NULL;
  molmo_answer* answer = NULL;
  int is_done = 0;

  if (argc != 4) {
    fprintf(stderr, "usage: point MODEL PICTURE TEXT\n");
    return 2;
  }
  if (molmo_model_load(argv[1], NULL, &model) == MOLMO_OK && molmo_session_create(model, &session) == MOLMO_OK &&
      molmo_image_read(argv[2], &picture) == MOLMO_OK &&
      molmo_session_point(session, argv[3], picture, show, NULL, &answer) == MOLMO_OK) {
    for (size_t i = 0; i < molmo_answer_num_points(answer); ++i) {
      molmo_point point = MOLMO_POINT_INIT;
      if (molmo_answer_point(answer, i, &point) == MOLMO_OK) printf("%g %g %s\n", point.x_px, point.y_px, point.label);
    }
    is_done = 1;
  } else {
    fprintf(stderr, "%s\n", molmo_last_error());
  }
  molmo_answer_free(answer);
  molmo_image_free(picture);
  molmo_session_free(session);
  molmo_model_free(model);
  return is_done ? 0 : 1;
}
