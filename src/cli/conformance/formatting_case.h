// What the fixtures of formatting share: chance and templates as they give them, and the text of an example.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include "base/json.h"
#include "cli/conformance/kind.h"
#include "text/prompt.h"

namespace molmo::conformance {

// Chance as fixtures give it: one value for every uniform and one for every normal draw; choices take the first.
class GivenDraws : public text::PromptDraws {
 public:
  explicit GivenDraws(double uniform = 0.5, double normal = 0) : uniform_(uniform), normal_(normal) {}
  double uniform() override { return uniform_; }
  double normal(double) override { return normal_; }
  size_t choice(size_t) override { return 0; }

 private:
  double uniform_, normal_;
};

// Fixtures replace each list of templates by one text.
std::shared_ptr<const text::TemplateLists> given_templates(const Json& document);

// Files whose cases have their whole answer under `expected`. An expected error is matched by any error.
void answer_cases(Run& run, const std::filesystem::path& file,
                  const std::function<Json(const Json& document, const Json& item)>& compute,
                  const Tolerance& tolerance = {});

// The conversations of an example as the released models were trained on them, with <EOS>: one text, or a list of them
// where the example is a list.
Json released_text(const Json& document, const text::Example& example, text::Purpose purpose);

}  // namespace molmo::conformance
