#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "firmware/base/bytes.h"

namespace cubby::fuzz {

/// One input through one piece of the program. It aborts where something that must hold does not.
struct Target {
  std::string_view name;
  void (*run)(Bytes input);
};

std::span<const Target> targets();
/// nullptr: there is none of that name.
const Target* find_target(std::string_view name);

/// Ends the program if `holds` is false: the input that was tried is the finding.
void require(bool holds, const char* what);

/// Reads an input from its front; behind its end there are zeros.
class Input {
 public:
  explicit Input(Bytes bytes) : left_(bytes) {}

  bool empty() const { return left_.empty(); }
  unsigned byte() {
    if (left_.empty()) {
      return 0;
    }
    const auto value = std::to_integer<unsigned>(left_.front());
    left_ = left_.subspan(1);
    return value;
  }
  bool flag() { return (byte() & 1) != 0; }
  /// One of `count`.
  unsigned one_of(std::size_t count) { return byte() % static_cast<unsigned>(count); }
  template <typename T>
  T pick(std::initializer_list<T> choices) {
    return choices.begin()[one_of(choices.size())];
  }
  std::uint64_t number() {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) {
      value = value << 8 | byte();
    }
    return value;
  }
  /// The next `size` bytes, or as many as are left.
  Bytes take(std::size_t size) {
    const auto taken = left_.first(size < left_.size() ? size : left_.size());
    left_ = left_.subspan(taken.size());
    return taken;
  }

 private:
  Bytes left_;
};

// Each in a file of its own or with its family.
void board_p1(Bytes input);
void board_p2(Bytes input);
void board_p5(Bytes input);
void board_p6(Bytes input);
void board_p7(Bytes input);
void driver_p1(Bytes input);
void driver_p2(Bytes input);
void driver_p5(Bytes input);
void driver_p6(Bytes input);
void driver_p7(Bytes input);
void bus_exchange(Bytes input);
void door_bank(Bytes input);
void panel_link(Bytes input);
void wire_frame(Bytes input);
void journal_image(Bytes input);
void lockstep_guest(Bytes input);
void session_station(Bytes input);
void session_centre(Bytes input);
void http_api(Bytes input);
void configuration_file(Bytes input);
void configuration_message(Bytes input);
void profile_file(Bytes input);

}  // namespace cubby::fuzz
