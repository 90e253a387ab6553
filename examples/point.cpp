// Points to something in a picture:  point MODEL PICTURE "the mug"
#include <iostream>
#include <molmo/molmo.hpp>

int main(int argc, char** argv) try {
  if (argc != 4) throw molmo::Error(molmo::ErrorCategory::InvalidArgument, "usage: point MODEL PICTURE TEXT");
  molmo::Session session(molmo::Model::load(argv[1]));
  for (const molmo::Point& point : session.point(argv[3], molmo::Image::read(argv[2]))) {
    std::cout << point.x_px << " " << point.y_px << " " << point.label << "\n";
  }
} catch (const molmo::Error& error) {
  std::cerr << error.what() << "\n";
  return 1;
}
