// outside MODEL: prints the first token ids of an answer.
#include <iostream>
#include <molmo/molmo.hpp>

int main(int argc, char** argv) try {
  molmo::Session session(molmo::Model::load(argc > 1 ? argv[1] : ""));
  molmo::GenerationOptions options;
  options.max_new_tokens = 4;
  for (int64_t token : session.ask({"How many birds are there?"}, options).tokens) std::cout << token << " ";
  std::cout << "\n";
} catch (const molmo::Error& error) {
  std::cout << molmo::to_string(error.category()) << ": " << error.what() << "\n";
  return 1;
}
