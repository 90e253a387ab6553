#include "arena/read_comparisons.h"
#include "fuzz/target.h"

namespace molmo::fuzz {
namespace {

void run(std::string_view bytes) {
  if (bytes.starts_with('{')) {
    (void)arena::parse_jsonl_comparisons(bytes, "input");
  } else {
    (void)arena::parse_csv_comparisons(bytes, "input");
  }
}

std::vector<std::string> seeds() {
  return {
      "comparison_id,prompt_id,left_model,right_model,outcome,annotator_id\n1,p,a,b,left,x\n2,\"p,\"\"q\"\"\",b,c,both_"
      "bad,y\n",
      "outcome,left_model,right_model,left_length,right_length\r\nunsure,a,b,1.5,2\r\nright,a,b,,\r\n",
      "{\"left_model\": \"a\", \"right_model\": \"b\", \"outcome\": \"left\", \"left_points\": 2, \"annotator_id\": "
      "7}\n",
  };
}

}  // namespace

Target comparisons_target() {
  return {"comparisons", run, seeds};
}

}  // namespace molmo::fuzz
