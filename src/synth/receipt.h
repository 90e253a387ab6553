// What a receipt says, and what is asked about it: the same for all that draw receipts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "synth/docs.h"

namespace molmo::synth {

struct Receipt {
  std::string shop, date, payment;  // no payment: empty
  std::vector<std::string> items;
  std::vector<int64_t> prices;  // of the items, in hundredths

  int64_t total() const;
};

Receipt draw_receipt_data(const FigureContext& context);
// After the look, where the seeds of earlier versions have it.
void draw_payment(Receipt& receipt, const FigureContext& context);
void describe_receipt(Page& page, const Receipt& receipt);
Questions ask_about_receipt(const Receipt& receipt, const FigureContext& context);

std::string money(int64_t cents);  // "12.50"

}  // namespace molmo::synth
