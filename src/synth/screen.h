// Screens of small devices: a title, rows, switches and buttons, each with its box. Shared by the kinds `docs` (what is
// on the screen) and `android` (what to do on it).
#pragma once

#include <string>
#include <vector>

#include "synth/docs.h"

namespace molmo::synth {

enum class ElementKind { Title, Back, Row, Switch, Check, Field, Button, App };

struct ScreenElement {
  ElementKind kind = ElementKind::Row;
  std::string name;
  double left = 0, top = 0, right = 0, bottom = 0;  // what one can tap
  bool is_on = false;                               // of switches and checks
};

struct ScreenLook {
  std::string layout;  // "settings", "list", "form", "apps"
  std::string title;
  std::vector<ScreenElement> elements;
};

ScreenLook paint_screen(Page& page, const FigureContext& context);

}  // namespace molmo::synth
