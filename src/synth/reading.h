// Questions about what is written on a page, whatever it is: they teach to read, and are asked only by name.
#pragma once

#include <string_view>

#include "synth/docs.h"

namespace molmo::synth {

// Their names among question_forms.
inline constexpr std::string_view kPlaceForm = "read", kTranscriptForm = "transcribe", kDataForm = "data",
                                  kMapForm = "map", kWordForm = "words", kSpellForm = "spell";
// Those that need the places of texts.
inline constexpr std::string_view kPlacedForms[] = {kPlaceForm, kTranscriptForm, kMapForm, kWordForm, kSpellForm};

// Every text by its place: What is written at x="35.2" y="61.0"?
Questions place_questions(const Json& truth);
// The whole page in reading order: lines from the top to the bottom, what stands in one line from the left to the
// right.
DocQuestion transcript_question(const Json& truth);
// The same letter by letter, "T e a, 1 2": what a letter looks like is learnt from every word, what a piece of a word
// looks like only from those that have it.
DocQuestion spelling_question(const Json& truth);
// What belongs together, a line each: a category and its values, a row of a table, a receipt's item and its price. It
// teaches to find the value of a name, and is the question of chart-to-table data sets. None where the page has no such
// pairs.
Questions data_question(const Json& truth);
// The word that covers most of each cell of a grid of six by six, row by row: an answer for every few patches of the
// page, so that a decoder learns to read image tokens long before it can look for anything among them.
DocQuestion map_question(const Page& page);
// Short answers about single words, each right only after a look: whether it is there, in which half, what its
// neighbours are. About words that are on the page once.
Questions word_questions(const Page& page, const Words& words, RandomStream& draws);

}  // namespace molmo::synth
