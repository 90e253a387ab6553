#include "train/autocast.h"

#include <ATen/autocast_mode.h>

namespace molmo::train {

Autocast::Autocast(at::DeviceType device, std::optional<at::ScalarType> type) {
  if (!type || at::autocast::is_autocast_enabled(device)) return;
  device_ = device;
  at::autocast::set_autocast_enabled(device, true);
  at::autocast::set_autocast_dtype(device, *type);
  at::autocast::increment_nesting();
}

Autocast::~Autocast() {
  if (!device_) return;
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(*device_, false);
}

}  // namespace molmo::train
