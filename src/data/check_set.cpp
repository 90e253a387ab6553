#include "data/check_set.h"

#include <mutex>

#include "base/error.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/example_page.h"

namespace molmo::data {

RecordCheck check_set(const Dataset& dataset, const RecordCheckOptions& options) {
  RecordCheck check{.num_records = dataset.size(), .num_problems = 0, .problems = {}};
  std::vector<std::string> messages(dataset.size());
  std::mutex mutex;
  Progress progress("check", dataset.size(), "examples");
  parallel_for(static_cast<int64_t>(dataset.size()), /*grain=*/16, [&](int64_t begin, int64_t end) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
      try {
        if (options.decode_pictures) {
          prepare_shown_example(dataset, i, {});
        } else {
          RandomStream draws(0, dataset.name(), i);
          dataset.example(i, draws);
        }
      } catch (const Error& error) {
        messages[i] = error.what();
      }
    }
    const std::lock_guard lock(mutex);
    progress.advance(static_cast<uint64_t>(end - begin));
  });
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i].empty()) continue;
    ++check.num_problems;
    if (check.problems.size() < options.max_problems) check.problems.push_back({i, messages[i]});
  }
  return check;
}

}  // namespace molmo::data
