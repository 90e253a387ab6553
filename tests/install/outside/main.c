/* outside_c MODEL: prints how many tokens an answer has. */
#include <molmo/molmo.h>
#include <stdio.h>

int main(int argc, char** argv) {
  molmo_model* model = NULL;
  molmo_session* session = NULL;
  molmo_answer* answer = NULL;
  molmo_request request = MOLMO_REQUEST_INIT;
  molmo_generation_options options = MOLMO_GENERATION_OPTIONS_INIT;
  request.prompt = "How many birds are there?";
  options.max_new_tokens = 4;
  if (molmo_model_load(argc > 1 ? argv[1] : "", NULL, &model) != MOLMO_OK || molmo_session_create(model, &session) != MOLMO_OK ||
      molmo_session_ask(session, &request, &options, NULL, NULL, &answer) != MOLMO_OK) {
    printf("%s\n", molmo_last_error());
    return 1;
  }
  printf("%d tokens from molmo %s\n", (int)molmo_answer_num_tokens(answer), molmo_version());
  molmo_answer_free(answer);
  molmo_session_free(session);
  molmo_model_free(model);
  return 0;
}
