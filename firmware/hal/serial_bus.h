#pragma once

#include <cstddef>
#include <cstdint>

#include "firmware/base/assert.h"
#include "firmware/base/bytes.h"
#include "firmware/base/instant.h"
#include "firmware/base/limits.h"
#include "firmware/base/status.h"

namespace cubby::hal {

/// Half-duplex RS-485 segment, 8N1: one master (this controller), up to 32 lock boards.
/// Never blocks. Call only from the controller loop.
class SerialBus {
 public:
  /// Starts sending; the bus turns round by itself after the last byte.
  /// kBusy: a frame is still going out. kNotSent: the port is gone. After any error nothing was sent.
  /// `idle` tells the other side of the interface that the frame only looks (trace, statistics).
  Status send(Bytes frame, Instant now, bool idle) {
    CUBBY_ASSERT(!frame.empty() && frame.size() <= limits::kBusFrameMax);
    return do_send(frame, now, idle);
  }
  /// Copies out the oldest bytes that have arrived at or before `now`; returns how many. 0: none.
  std::size_t receive(MutableBytes into, Instant now) { return do_receive(into, now); }
  /// When the last byte of a frame that has begun to arrive will be here; Instant::max() if the port
  /// cannot know (then the controller must poll within its reply time-out).
  Instant next_arrival() const { return do_next_arrival(); }
  /// Duration of one byte on this segment, in microseconds.
  std::int64_t byte_time_us() const { return do_byte_time_us(); }

 protected:
  ~SerialBus() = default;  // Referenced, never owned: no operator delete in the image.

 private:
  virtual Status do_send(Bytes frame, Instant now, bool idle) = 0;
  virtual std::size_t do_receive(MutableBytes into, Instant now) = 0;
  virtual Instant do_next_arrival() const = 0;
  virtual std::int64_t do_byte_time_us() const = 0;
};

}  // namespace cubby::hal
