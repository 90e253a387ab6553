// molmo run against the reference's greedy and beam answers, its JSON document, and what ends an answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "child.h"
#include "cli/program.h"
#include "cli/run_here.h"
#include "fixtures.h"
#include "image/image.h"
#include "pointing_model.h"

namespace molmo::cli {
namespace {

using test::Child;
using test::fixture_path;
using test::miniature_model;
using test::picture_path;
using test::Result;
using test::run_molmo;
using testing::HasSubstr;

using Arguments = std::vector<std::string>;

Json run_json(Arguments arguments) {
  arguments.insert(arguments.begin(), "run");
  arguments.push_back("--json");
  const Result result = run_molmo(arguments);
  EXPECT_EQ(result.status, kExitDone) << result.err;
  return parse_json(result.out, "molmo run");
}

Json golden_prompt(const std::string& name, const std::string& prompt_name) {
  const Json golden = read_json_file(fixture_path("model/" + name + "/generate.json"));
  for (const Json& prompt : golden["prompts"]) {
    if (prompt["name"] == prompt_name) return prompt;
  }
  throw std::runtime_error("no prompt " + prompt_name);
}

TEST(Run, GreedyAnswersEqualTheReference) {
  for (const std::string& name :
       {std::string("P1-qwen2-clip"), std::string("P3-olmoe-clip"), std::string("P6-qwen2-metaclip")}) {
    const std::string folder = fixture_path("model/" + name + "/hf");
    const std::string image = read_json_file(fixture_path("model/" + name + "/generate.json"))["fwd_image"];
    const Json text = run_json({"-m", folder, "-p", "How many birds are there?", "-n", "32"});
    EXPECT_EQ(text["tokens"], golden_prompt(name, "text")["greedy32"]["tokens"]) << name;
    EXPECT_EQ(text["usage"]["prompt_tokens"], golden_prompt(name, "text")["prompt_len"]) << name;
    const Json seen =
        run_json({"-m", folder, "-p", "Describe this image.", "--image", picture_path(image), "-n", "32"});
    EXPECT_EQ(seen["tokens"], golden_prompt(name, "image_e2e")["greedy32"]["tokens"]) << name;
    EXPECT_EQ(seen["usage"]["prompt_tokens"], golden_prompt(name, "image_e2e")["prompt_len"]) << name;
  }
}

TEST(Run, BeamsEqualTheReference) {
  Json expected = golden_prompt("P1-qwen2-clip", "text")["beam4_steps16"]["tokens"][0];
  const Json answer =
      run_json({"-m", miniature_model(), "-p", "How many birds are there?", "-n", "16", "--beams", "4"});
  EXPECT_EQ(answer["tokens"], expected);
}

TEST(Run, RawPromptIsTheWholePrompt) {
  const Json formatted = run_json({"-m", miniature_model(), "-p", "How many birds are there?", "-n", "8"});
  const Json raw =
      run_json({"-m", miniature_model(), "-p", " User: How many birds are there? Assistant:", "--raw", "-n", "8"});
  EXPECT_EQ(formatted["tokens"], raw["tokens"]);
  EXPECT_NE(run_json({"-m", miniature_model(), "-p", "How many birds are there?", "--raw", "-n", "8"})["tokens"],
            raw["tokens"]);
}

TEST(Run, JsonHasEveryMember) {
  const Json answer =
      run_json({"-m", miniature_model(), "-p", "Describe this image.", "--image", picture_path(), "-n", "5"});
  const auto keys_of = [](const Json& object) {
    std::vector<std::string> keys;
    for (const auto& [key, value] : object.items()) keys.push_back(key);
    return keys;
  };
  EXPECT_EQ(keys_of(answer),
            (Arguments{"text", "tokens", "points", "finish_reason", "usage", "timings", "peak_memory_bytes"}));
  EXPECT_EQ(keys_of(answer["usage"]), (Arguments{"prompt_tokens", "image_tokens", "completion_tokens"}));
  EXPECT_EQ(keys_of(answer["timings"]),
            (Arguments{"load_ms", "image_ms", "prefill_ms", "decode_ms", "prefill_per_second", "decode_per_second"}));
  EXPECT_EQ(answer["finish_reason"], "length");
  EXPECT_EQ(answer["usage"], (Json{{"prompt_tokens", 422}, {"image_tokens", 412}, {"completion_tokens", 5}}));
  EXPECT_GT(answer["timings"]["load_ms"], 0);
  EXPECT_GT(answer["timings"]["image_ms"], 0);
  EXPECT_GT(answer["peak_memory_bytes"], 10 << 20);
}

TEST(Run, PointsAreInPercentAndPixelsOfTheUprightPicture) {
  const test::TemporaryFolder folder;
  test::write_pointing_model(folder.path() / "m",
                             R"(Two <points x1="25.0" y1="50.0" x2="75.5" y2="10.0" alt="the mug">mug</points>.)");
  const Arguments arguments{
      "-m",        folder.path() / "m",    "-p", "Where?", "--image", picture_path("exif6_2000x1500.jpg"),
      "--overlay", folder.path() / "o.png"};
  const Json answer = run_json(arguments);
  const Json first{{"x", 25.0},      {"y", 50.0},        {"x_px", 375.0}, {"y_px", 1000.0},
                   {"label", "mug"}, {"alt", "the mug"}, {"image", 0}};
  EXPECT_EQ(answer["points"][0], first);
  EXPECT_EQ(answer["points"][1]["x_px"], 1132.5);
  EXPECT_EQ(answer["finish_reason"], "stop");
  EXPECT_EQ(answer["tokens"].size(), 2u);
  const image::Image overlay = image::read_image(folder.path() / "o.png");
  EXPECT_EQ(overlay.size, (ImageSize{2000, 1500}));  // stored lying on its side
}

TEST(Run, TextGoesToStdoutAndTimingsToStderr) {
  const Arguments arguments{"run", "-m", miniature_model(), "-p", "Describe this image.", "-i", picture_path(),
                            "-n",  "6"};
  const Result result = run_molmo(arguments);
  Arguments json = arguments;
  json.push_back("--json");
  EXPECT_EQ(result.out, parse_json(run_molmo(json).out, "molmo run")["text"].get<std::string>() + "\n");
  for (const char* part : {"load ", "image ", "412 tokens", "prefill ", "decode 6 tokens", "peak memory "})
    EXPECT_THAT(result.err, HasSubstr(part));
  Arguments quiet = arguments;
  quiet.push_back("-q");
  EXPECT_EQ(run_molmo(quiet).err, "");
  EXPECT_EQ(run_molmo(quiet).out, result.out);
}

TEST(Run, PromptComesFromStandardInputAndFlagsFromTheEnvironment) {
  const Json expected = run_json({"-m", miniature_model(), "-p", "How many birds are there?", "-n", "7"});
  const Result result = run_molmo({"run", "-p", "-"}, {.environment = {{"MOLMO_MODEL", miniature_model()},
                                                                       {"MOLMO_PREDICT", "7"},
                                                                       {"MOLMO_JSON", "1"},
                                                                       {"MOLMO_THREADS", "1"}},
                                                       .input = "How many birds are there?"});
  EXPECT_EQ(result.status, kExitDone) << result.err;
  EXPECT_EQ(parse_json(result.out, "molmo run")["tokens"], expected["tokens"]);
}

TEST(Run, SeveralAnswersAreChoicesThatASeedReproduces) {
  const Arguments arguments{
      "-m", miniature_model(), "-p", "How many birds are there?", "-n", "6", "--answers", "3", "--temp",
      "1",  "--seed",          "5"};
  const Json first = run_json(arguments), second = run_json(arguments);
  ASSERT_EQ(first["choices"].size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(first["choices"][i]["tokens"], second["choices"][i]["tokens"]);
    EXPECT_EQ(first["choices"][i]["usage"]["completion_tokens"], first["choices"][i]["tokens"].size());
  }
  EXPECT_NE(first["choices"][0]["tokens"], first["choices"][1]["tokens"]);
}

TEST(Run, StopStringsAndAliasesWork) {
  const Json whole = run_json(
      {"-m", miniature_model(), "--prompt", "How many birds are there?", "--max-tokens", "12", "--temperature", "0"});
  EXPECT_THAT(whole["text"].get<std::string>(), HasSubstr("leeople"));
  const Json stopped = run_json({"-m", miniature_model(), "-p", "How many birds are there?", "-n", "12", "--stop",
                                 "never this", "--stop", "leeople"});
  EXPECT_EQ(stopped["finish_reason"], "stop_string");
  EXPECT_EQ(whole["text"].get<std::string>().find(stopped["text"].get<std::string>()), 0u);
  EXPECT_THAT(stopped["text"].get<std::string>(), testing::Not(HasSubstr("lee")));
}

TEST(Run, AnotherTypeOfWeightsAnswers) {
  const Json answer = run_json({"-m", miniature_model(), "-p", "How many birds are there?", "-n", "4", "--dtype",
                                "bf16", "-t", "1", "-c", "64"});
  EXPECT_EQ(answer["tokens"].size(), 4u);
}

TEST(Run, FirstInterruptEndsTheAnswer) {
  Child child(
      {"run", "-m", miniature_model(), "-p", "How many birds are there?", "-n", "2000", "--min-predict", "2000"});
  ASSERT_TRUE(child.wait_for_output("man"));  // of the fourth token
  child.interrupt();
  const Result result = child.finish();
  EXPECT_EQ(result.status, kExitCancelled);
  EXPECT_THAT(result.err, HasSubstr("decode "));  // the answer so far was finished in good order
  EXPECT_TRUE(result.out.ends_with("\n"));
}

TEST(Run, InterruptWhileTheProgramWaitsEndsIt) {
  Child child({"run", "-m", miniature_model(), "-p", "-"}, {.keeps_input_open = true});
  child.send("x");
  // The handler is in place before the program reads; a child that got the signal earlier ends by it.
  child.interrupt();
  EXPECT_EQ(child.finish().status, kExitCancelled);
}

TEST(Run, BadInputIsOneClearLine) {
  const test::TemporaryFolder folder;
  const std::string text = folder.path() / "text.png", cut = folder.path() / "cut.png";
  std::ofstream(text) << "no picture at all, but long enough to be looked at";
  std::filesystem::copy(picture_path(), cut);
  std::filesystem::permissions(cut, std::filesystem::perms::owner_all);
  std::filesystem::resize_file(cut, 40);
  struct Row {
    Arguments arguments;
    std::string expected;
  };
  std::string long_prompt;
  for (int i = 0; i < 3000; ++i) long_prompt += "birds ";
  for (const Row& row : std::vector<Row>{
           {{"-i", "nowhere.jpg"}, "nowhere.jpg"},
           {{"-i", text}, "text.png"},
           {{"-i", cut}, "cut.png"},
           {{"-i", folder.path()}, folder.path()},
           {{"-i", picture_path(), "--max-image-mpx", "1", "-i", picture_path("exif6_2000x1500.jpg")},
            "exif6_2000x1500.jpg"},
           {{"-p", long_prompt}, "context"},
           {{"-c", "8"}, "context"},
           {{"--lora", "nowhere"}, "nowhere"},
       }) {
    Arguments arguments{"run", "-m", miniature_model(), "-n", "2"};
    if (row.arguments[0] != "-p") arguments.insert(arguments.end(), {"-p", "How many birds are there?"});
    arguments.insert(arguments.end(), row.arguments.begin(), row.arguments.end());
    const Result result = run_here(arguments);
    EXPECT_EQ(result.status, kExitFailed) << row.expected << result.out;
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.err, testing::StartsWith("molmo: "));
    EXPECT_THAT(result.err, HasSubstr(row.expected));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

TEST(Run, WrongUsageIsToldBeforeTheModelIsLoaded) {
  struct Row {
    Arguments arguments;
    std::string expected;
  };
  for (const Row& row : std::vector<Row>{
           {{"-p", "x", "--temp", "-1"}, "temperature"},
           {{"-p", "x", "--temp", "warm"}, "--temp"},
           {{"-p", "x", "--top-p", "nan"}, "top_p"},
           {{"-p", "x", "--answers", "0"}, "answers"},
           {{"-p", "x", "--dtype", "f64"}, "bf16"},
           {{"-p", "x", "--device", "tpu"}, "cuda"},
           {{"-p", "x", "--threads", "0"}, "--threads"},
           {{"-p", "x", "--overlay", "o.png"}, "--image"},
           {{"-p", "x", "--style", "vqa3"}, "Did you mean 'vqa2'?"},
           {{"-p", "x", "--tmp", "1"}, "Did you mean '--temp'?"},
           {{"x"}, "unexpected argument 'x'"},
           {{}, "--prompt is required"},
           {{"-p"}, "--prompt"},
       }) {
    Arguments arguments{"run", "-m", "nowhere"};
    arguments.insert(arguments.end(), row.arguments.begin(), row.arguments.end());
    const Result result = run_here(arguments);
    EXPECT_EQ(result.status, kExitUsage) << row.expected << result.err;
    EXPECT_THAT(result.err, HasSubstr(row.expected));
    EXPECT_THAT(result.err, HasSubstr("See 'molmo run --help'."));
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }
}

TEST(ModelName, PresetsHaveNoWeightsToRun) {
  const Result preset = run_molmo({"run", "-m", "molmo-7b-d", "-p", "x"});
  EXPECT_EQ(preset.status, kExitFailed);
  EXPECT_THAT(preset.err, HasSubstr("molmo init molmo-7b-d -o DIR"));
  const Result quantized = run_molmo({"run", "-m", miniature_model() + ":q8", "-p", "x"});
  EXPECT_EQ(quantized.status, kExitFailed);
  EXPECT_THAT(quantized.err, HasSubstr("--type q8 -o "));
  const Result cuda = run_molmo({"run", "-m", miniature_model(), "-p", "x", "-n", "1", "--device", "cuda"});
  EXPECT_TRUE(cuda.status == kExitDone || cuda.err.find("no CUDA") != std::string::npos) << cuda.err;
}

}  // namespace
}  // namespace molmo::cli
