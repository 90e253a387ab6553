#include "eval/vqa.h"

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "eval/answers.h"
#include "eval/python_text.h"
#include "text/lower_case.h"
#include "text/utf8.h"

namespace molmo::eval {
namespace {

constexpr std::string_view kSigns = ";/[]\"{}()=+\\_-><@`,?!";

// Words that lost their apostrophe, with the form that the official evaluation of VQA gives them; `somebody'd` loses
// one there.
constexpr std::array<std::pair<std::string_view, std::string_view>, 120> kContractions = {{
    {"aint", "ain't"},
    {"arent", "aren't"},
    {"cant", "can't"},
    {"couldve", "could've"},
    {"couldnt", "couldn't"},
    {"couldn'tve", "couldn't've"},
    {"couldnt've", "couldn't've"},
    {"didnt", "didn't"},
    {"doesnt", "doesn't"},
    {"dont", "don't"},
    {"hadnt", "hadn't"},
    {"hadnt've", "hadn't've"},
    {"hadn'tve", "hadn't've"},
    {"hasnt", "hasn't"},
    {"havent", "haven't"},
    {"hed", "he'd"},
    {"hed've", "he'd've"},
    {"he'dve", "he'd've"},
    {"hes", "he's"},
    {"howd", "how'd"},
    {"howll", "how'll"},
    {"hows", "how's"},
    {"Id've", "I'd've"},
    {"I'dve", "I'd've"},
    {"Im", "I'm"},
    {"Ive", "I've"},
    {"isnt", "isn't"},
    {"itd", "it'd"},
    {"itd've", "it'd've"},
    {"it'dve", "it'd've"},
    {"itll", "it'll"},
    {"let's", "let's"},
    {"maam", "ma'am"},
    {"mightnt", "mightn't"},
    {"mightnt've", "mightn't've"},
    {"mightn'tve", "mightn't've"},
    {"mightve", "might've"},
    {"mustnt", "mustn't"},
    {"mustve", "must've"},
    {"neednt", "needn't"},
    {"notve", "not've"},
    {"oclock", "o'clock"},
    {"oughtnt", "oughtn't"},
    {"ow's'at", "'ow's'at"},
    {"'ows'at", "'ow's'at"},
    {"'ow'sat", "'ow's'at"},
    {"shant", "shan't"},
    {"shed've", "she'd've"},
    {"she'dve", "she'd've"},
    {"she's", "she's"},
    {"shouldve", "should've"},
    {"shouldnt", "shouldn't"},
    {"shouldnt've", "shouldn't've"},
    {"shouldn'tve", "shouldn't've"},
    {"somebody'd", "somebodyd"},
    {"somebodyd've", "somebody'd've"},
    {"somebody'dve", "somebody'd've"},
    {"somebodyll", "somebody'll"},
    {"somebodys", "somebody's"},
    {"someoned", "someone'd"},
    {"someoned've", "someone'd've"},
    {"someone'dve", "someone'd've"},
    {"someonell", "someone'll"},
    {"someones", "someone's"},
    {"somethingd", "something'd"},
    {"somethingd've", "something'd've"},
    {"something'dve", "something'd've"},
    {"somethingll", "something'll"},
    {"thats", "that's"},
    {"thered", "there'd"},
    {"thered've", "there'd've"},
    {"there'dve", "there'd've"},
    {"therere", "there're"},
    {"theres", "there's"},
    {"theyd", "they'd"},
    {"theyd've", "they'd've"},
    {"they'dve", "they'd've"},
    {"theyll", "they'll"},
    {"theyre", "they're"},
    {"theyve", "they've"},
    {"twas", "'twas"},
    {"wasnt", "wasn't"},
    {"wed've", "we'd've"},
    {"we'dve", "we'd've"},
    {"weve", "we've"},
    {"werent", "weren't"},
    {"whatll", "what'll"},
    {"whatre", "what're"},
    {"whats", "what's"},
    {"whatve", "what've"},
    {"whens", "when's"},
    {"whered", "where'd"},
    {"wheres", "where's"},
    {"whereve", "where've"},
    {"whod", "who'd"},
    {"whod've", "who'd've"},
    {"who'dve", "who'd've"},
    {"wholl", "who'll"},
    {"whos", "who's"},
    {"whove", "who've"},
    {"whyll", "why'll"},
    {"whyre", "why're"},
    {"whys", "why's"},
    {"wont", "won't"},
    {"wouldve", "would've"},
    {"wouldnt", "wouldn't"},
    {"wouldnt've", "wouldn't've"},
    {"wouldn'tve", "wouldn't've"},
    {"yall", "y'all"},
    {"yall'll", "y'all'll"},
    {"y'allll", "y'all'll"},
    {"yall'd've", "y'all'd've"},
    {"y'alld've", "y'all'd've"},
    {"y'all'dve", "y'all'd've"},
    {"youd", "you'd"},
    {"youd've", "you'd've"},
    {"you'dve", "you'd've"},
    {"youll", "you'll"},
    {"youre", "you're"},
    {"youve", "you've"},
}};

constexpr std::array<std::string_view, 11> kNumbers = {"zero", "one",   "two",   "three", "four", "five",
                                                       "six",  "seven", "eight", "nine",  "ten"};

// The code point in front of a place, or behind it, is a digit.
bool has_comma_between_digits(std::string_view text) {
  const std::u32string points = text::code_points(text);
  for (size_t i = 1; i + 1 < points.size(); ++i) {
    if (points[i] == ',' && digit_value(points[i - 1]) && digit_value(points[i + 1])) return true;
  }
  return false;
}

bool touches_space(std::string_view text, char sign) {
  return text.find(std::string{sign, ' '}) != std::string_view::npos ||
         text.find(std::string{' ', sign}) != std::string_view::npos;
}

std::string without_signs(std::string_view text) {
  const bool has_number = has_comma_between_digits(text);
  std::array<bool, 256> is_deleted{}, is_sign{};
  for (const char sign : kSigns) {
    is_sign[static_cast<unsigned char>(sign)] = true;
    is_deleted[static_cast<unsigned char>(sign)] = has_number || touches_space(text, sign);
  }
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (!is_sign[byte])
      out += c;
    else if (!is_deleted[byte])
      out += ' ';
  }
  return out;
}

bool begins_with_digit(std::string_view text) {
  if (text.empty()) return false;
  const text::Utf8Char next = text::decode_utf8(text);
  return next.is_valid && digit_value(next.code_point).has_value();
}

double share_of_three(int64_t matches) {
  return std::min(static_cast<double>(matches) / 3, 1.0);
}

}  // namespace

std::string vqa_without_punctuation(std::string_view text, config::Quirks quirks) {
  std::string spaced(text);
  std::replace(spaced.begin(), spaced.end(), '\n', ' ');
  std::replace(spaced.begin(), spaced.end(), '\t', ' ');
  const std::string lower = text::to_lower(spaced);
  const std::string kept = without_signs(strip(lower));
  constexpr int kMostStops = 32;  // the reference passes a flag where the limit belongs
  std::string out;
  int num_deleted = 0;
  for (size_t i = 0; i < kept.size(); ++i) {
    const bool is_stop = kept[i] == '.' && !begins_with_digit(std::string_view(kept).substr(i + 1));
    if (is_stop && (quirks == config::Quirks::Fixed || num_deleted < kMostStops)) {
      ++num_deleted;
    } else {
      out += kept[i];
    }
  }
  return out;
}

std::string vqa_normalize(std::string_view text, config::Quirks quirks) {
  static const std::map<std::string_view, std::string_view> contractions(kContractions.begin(), kContractions.end());
  const std::string lower = text::to_lower(vqa_without_punctuation(text, quirks));
  std::string out;
  for (const std::string_view word : split_words(lower)) {
    if (word == "a" || word == "an" || word == "the") continue;
    std::string normal(word);
    const auto number = std::find(kNumbers.begin(), kNumbers.end(), word);
    if (number != kNumbers.end()) normal = std::to_string(number - kNumbers.begin());
    if (word == "none") normal = "0";
    const auto contraction = contractions.find(normal);
    if (contraction != contractions.end()) normal = contraction->second;
    out += (out.empty() ? "" : " ") + normal;
  }
  return out;
}

double vqa_score(std::span<const std::string> answers, std::string_view prediction, config::Quirks quirks) {
  const std::string wanted = vqa_normalize(prediction, quirks);
  return share_of_three(std::count_if(answers.begin(), answers.end(), [&](const std::string& answer) {
    return vqa_normalize(answer, quirks) == wanted;
  }));
}

double vqa_score(std::string_view answer, std::string_view prediction, config::Quirks quirks) {
  const std::string wanted = quirks == config::Quirks::Fixed ? vqa_normalize(answer, quirks) : std::string(answer);
  return vqa_normalize(prediction, quirks) == wanted;
}

double a_okvqa_score(std::span<const std::string> answers, std::string_view prediction) {
  const auto plain = [](std::string_view text) {
    const std::string lower = text::to_lower(text);
    return std::string(strip(lower));
  };
  const std::string wanted = plain(prediction);
  return share_of_three(std::count_if(answers.begin(), answers.end(),
                                      [&](const std::string& answer) { return plain(answer) == wanted; }));
}

bool real_world_match(std::string_view question_type, std::string_view answer, std::string_view prediction,
                      config::Quirks quirks) {
  if (question_type != "multiple_choice") return vqa_normalize(prediction, quirks) == vqa_normalize(answer, quirks);
  static const std::vector<std::string> kLetters = {"A", "B", "C", "D"};
  const size_t chosen = select_option(kLetters, prediction);
  return kLetters[chosen] == answer;
}

}  // namespace molmo::eval
