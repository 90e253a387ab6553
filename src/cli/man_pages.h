// Man pages in roff, from the same definitions as the help.
#pragma once

#include <string>

#include "cli/verb.h"

namespace molmo::cli {

std::string man_page();                             // molmo(1)
std::string man_page(const VerbEntry& entry);       // molmo-VERB(1)
std::string man_page_file(const VerbEntry& entry);  // "molmo-data-fetch.1"

}  // namespace molmo::cli
