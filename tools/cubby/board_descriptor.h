#pragma once

#include <unistd.h>

#include <cstdint>
#include <utility>

namespace cubby::tools {

/// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  ~Descriptor() { reset(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  /// Negative: none.
  int get() const { return number_; }

 private:
  void reset() {
    if (number_ >= 0) {
      close(std::exchange(number_, -1));
    }
  }
  int number_ = -1;
};

/// Raw, 8N1, at that speed. False: the terminal does not do it.
bool set_raw(int terminal, std::uint32_t baud);
/// The speed that is set; 0: one that this program has no number for.
std::uint32_t speed_of(int terminal);

}  // namespace cubby::tools
