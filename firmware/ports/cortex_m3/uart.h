#pragma once

#include <cstddef>
#include <cstdint>

#include "firmware/base/bytes.h"
#include "firmware/base/status.h"

namespace cubby::cortex_m3 {

/// One of the board's CMSDK UARTs (8N1, no flow control), with interrupts and a ring for each direction.
///
/// A byte that finds the receive ring full stays in the device's one register, and the interrupt waits until receive()
/// has made room: QEMU then holds back what follows, a real line loses it.
class Uart {
 public:
  static constexpr unsigned kCount = 3;  // UART 3 is the console, which is polled.

  /// UART `number` < kCount, of which there may be one object; the rings must outlive it.
  Uart(unsigned number, MutableBytes receive_ring, MutableBytes send_ring);
  void start(std::uint32_t baud);
  /// All or nothing. kBusy: no room; kBadInput: there never will be.
  Status send(Bytes bytes);
  /// Copies out the oldest received bytes; returns how many.
  std::size_t receive(MutableBytes into);
  /// Bytes that have not left yet.
  std::size_t unsent() const;
  /// Bytes that receive() would give.
  std::size_t waiting() const;
  /// Drops what has not left and what was not read.
  void discard();

  /// For the vector table.
  static void on_receive_interrupt(unsigned number);
  static void on_send_interrupt(unsigned number);

 private:
  class Ring {
   public:
    explicit Ring(MutableBytes bytes) : bytes_(bytes) {}
    std::size_t size() const { return put_ - taken_; }
    std::size_t room() const { return bytes_.size() - size(); }
    void put(std::byte byte) { bytes_[put_++ % bytes_.size()] = byte; }
    std::byte take() { return bytes_[taken_++ % bytes_.size()]; }
    void clear() { taken_ = put_; }

   private:
    MutableBytes bytes_;
    // Counted modulo 2^32, so the size of a ring is a power of two.
    std::uint32_t put_ = 0;
    std::uint32_t taken_ = 0;
  };

  void drain();
  void feed();

  unsigned number_;
  Ring received_;
  Ring unsent_;
};

/// Text to UART 3, for people and for tests: waits for each byte, does nothing where nobody listens. May be called in a
/// fault handler.
void console(const char* text);
void console(const char* text, std::uint32_t number);
void console_hex(const char* text, std::uint32_t number);

}  // namespace cubby::cortex_m3
