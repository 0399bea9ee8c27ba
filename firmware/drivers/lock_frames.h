#pragma once

#include "firmware/base/byte_sums.h"
#include "firmware/drivers/lock_board.h"

/// What the frames of several families have in common.
namespace cubby::drivers {

/// Shows `look` what stands at each offset of `received`, until it finds an answer there.
template <typename Look>
Answer find_answer(Bytes received, const Look& look) {
  for (std::size_t at = 0; at < received.size(); ++at) {
    Answer answer = look(received.subspan(at));
    if (answer.what != Exchange::kWaiting) {
      answer.at = static_cast<std::uint8_t>(at);
      return answer;
    }
  }
  return {};
}

/// As many bits as there are channels.
constexpr std::uint64_t low_bits(std::size_t count) {
  return count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
}

}  // namespace cubby::drivers
