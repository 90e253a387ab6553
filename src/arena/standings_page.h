// Standings as a page: ratings with their intervals, who wins against whom, and whether the ratings predict it.
#pragma once

#include "arena/standings.h"
#include "report/page.h"

namespace molmo::arena {

report::Page standings_page(const Standings& standings);

}  // namespace molmo::arena
