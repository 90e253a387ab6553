// Moved to base/atomic_folder.h; this name goes once the last file that includes it does.
#pragma once

#include "base/atomic_folder.h"

namespace molmo::checkpoint {
using molmo::AtomicFolder;
}
