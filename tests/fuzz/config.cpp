#include "base/fields.h"
#include "base/json.h"
#include "config/generation.h"
#include "config/model.h"
#include "fuzz/target.h"

namespace molmo::fuzz {
namespace {

// The first byte chooses the format, the second the configuration.
void run(std::string_view bytes) {
  if (bytes.size() < 2) return;
  const bool is_yaml = bytes[0] & 1, is_generation = bytes[1] & 1;
  const std::string_view text = bytes.substr(2);
  const Json document = is_yaml ? parse_yaml(text, "input") : parse_json(text, "input");
  (void)dump_json(document);
  (void)dump_yaml(document);
  if (is_generation) {
    config::GenerationConfig config;
    read_fields(document, config, "input");
    config.validate();
  } else {
    config::ModelConfig config;
    read_fields(document, config, "input");
    config.validate();
  }
}

std::vector<std::string> seeds() {
  const Json model = write_fields(config::preset("molmoe-1b"));
  const Json generation = write_fields(config::GenerationConfig());
  return {"00" + dump_json(model), "10" + dump_yaml(model), "01" + dump_json(generation), "11" + dump_yaml(generation),
          "11seed: 3\nstop: [\"a\", 'b']\ntemperature: .5\n"};
}

}  // namespace

Target config_target() {
  return {"config", run, seeds};
}

}  // namespace molmo::fuzz
