// A conversation about a picture, a question a line:  chat MODEL PICTURE < questions.txt
// The picture is encoded once, and what the model has read already is not read again.
#include <iostream>
#include <molmo/molmo.hpp>
#include <string>

int main(int argc, char** argv) try {
  if (argc != 3) throw molmo::Error(molmo::ErrorCategory::InvalidArgument, "usage: chat MODEL PICTURE");
  molmo::Session session(molmo::Model::load(argv[1]));
  molmo::GenerationOptions options;
  options.max_new_tokens = 200;
  const auto show = [](std::string_view text) {
    std::cout << text << std::flush;
    return true;  // false would end the answer
  };

  std::vector<molmo::Image> picture = {molmo::Image::read(argv[2])};
  for (std::string question; std::getline(std::cin, question);) {
    const molmo::Answer answer = session.ask_next({question, picture}, options, show);
    picture.clear();  // it goes with the first question
    std::cout << "\n";
    for (const molmo::Point& point : answer.points) std::cout << "  at " << point.x_px << ", " << point.y_px << "\n";
  }
} catch (const molmo::Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
