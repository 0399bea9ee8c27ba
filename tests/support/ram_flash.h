#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

#include "firmware/hal/nor_flash.h"

namespace cubby::tests {

/// NOR flash without faults, as long as nobody asks for one.
class RamFlash final : public hal::NorFlash {
 public:
  explicit RamFlash(const hal::FlashGeometry& geometry = {})
      : geometry_(geometry), cells_(geometry.size(), std::byte{0xFF}) {}

  /// How much of the operation that fails first is done all the same; the chip does not say.
  enum class Done { kNothing, kHalf, kAll };

  /// From now on no program or erase succeeds (F7: write-protected).
  void protect(bool value) { protected_ = value; }
  /// So many more operations succeed; the next one fails and is done as far as `done` says, those after it
  /// fail and do nothing.
  void fail_after(std::size_t operations, Done done = Done::kNothing) {
    fails_at_ = operations_ + operations;
    done_ = done;
  }
  /// Is told of every operation that is to be done.
  class Observer {
   public:
    virtual void on_read(std::size_t size) = 0;
    virtual void on_program(Bytes data) = 0;
    virtual void on_erase() = 0;

   protected:
    ~Observer() = default;
  };
  void watch(Observer* observer) { observer_ = observer; }
  /// Nothing is programmed or erased there any more (F6).
  void wear_out(std::uint32_t sector) { worn_.insert(sector); }
  bool failing() const { return protected_; }
  /// All operations succeed again.
  void repair() {
    protected_ = false;
    fails_at_ = SIZE_MAX;
  }
  std::size_t operations() const { return operations_; }
  /// Turns all bits of each place that holds these bytes, beside the controller's back (F5); returns how many places.
  std::size_t spoil(Bytes bytes) {
    std::size_t places = 0;
    for (auto at = cells_.begin();; ++places) {
      at = std::search(at, cells_.end(), bytes.begin(), bytes.end());
      if (at == cells_.end()) {
        return places;
      }
      for (std::size_t i = 0; i < bytes.size(); ++i, ++at) {
        *at = ~*at;
      }
    }
  }

 private:
  const hal::FlashGeometry& do_geometry() const override { return geometry_; }
  Status do_read(std::uint32_t address, MutableBytes into) override {
    if (observer_ != nullptr) {
      observer_->on_read(into.size());
    }
    std::copy_n(cells_.begin() + address, into.size(), into.begin());
    return Status::kOk;
  }
  Status do_program(std::uint32_t address, Bytes data) override {
    if (observer_ != nullptr) {
      observer_->on_program(data);
    }
    if (worn_.contains(address / geometry_.sector_size)) {
      return Status::kIo;
    }
    const auto count = begin(data.size());
    for (const std::byte value : data.first(count)) {
      CUBBY_ASSERT(cells_[address] == std::byte{0xFF});
      cells_[address++] = value;
    }
    return protected_ ? Status::kIo : Status::kOk;
  }
  Status do_erase(std::uint32_t sector) override {
    if (observer_ != nullptr) {
      observer_->on_erase();
    }
    if (worn_.contains(sector)) {
      return Status::kIo;
    }
    std::fill_n(cells_.begin() + sector * geometry_.sector_size, begin(geometry_.sector_size), std::byte{0xFF});
    return protected_ ? Status::kIo : Status::kOk;
  }
  /// Begins an operation on so many bytes; returns how many of them it reaches.
  std::size_t begin(std::size_t size) {
    if (protected_) {
      return 0;
    }
    if (operations_++ < fails_at_) {
      return size;
    }
    protected_ = true;
    return done_ == Done::kAll ? size : done_ == Done::kHalf ? size / 2 : 0;
  }

  hal::FlashGeometry geometry_;
  std::vector<std::byte> cells_;
  std::set<std::uint32_t> worn_;
  Observer* observer_ = nullptr;
  std::size_t operations_ = 0;
  std::size_t fails_at_ = SIZE_MAX;  // Number of the operation, from 0.
  Done done_ = Done::kNothing;
  bool protected_ = false;
};

}  // namespace cubby::tests
