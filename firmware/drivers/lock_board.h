#pragma once

#include <cstdint>

#include "firmware/base/instant.h"
#include "firmware/base/status.h"

/// Lock boards, one file a family.
namespace cubby::drivers {

/// What became of one request to a board.
enum class Exchange : std::uint8_t {
  kNone,     // Nothing was asked.
  kWaiting,  // Sent; the reply may still come.
  kDone,     // The board said that it did it.
  kNotSent,  // The bus refused the frame: nothing left this controller.
  kUnknown,  // Sent, no valid reply in time: whether it took effect nobody can say.
  kRefused,  // The board answered with an exception.
};

/// One lock board: outputs that pulse coils and inputs that read door switches and item sensors, numbered from 0.
/// One request at a time; a driver never repeats one by itself. A reply counts only if it is the
/// answer to the running request; whatever arrives at other times is thrown away.
class LockBoard {
 public:
  /// Switches all outputs off. kWrongState: a request is running. kNotSent: as Exchange::kNotSent.
  Status start_all_off(Instant now) { return do_start_all_off(now); }
  /// Reads all inputs. `idle`: see hal::SerialBus::send.
  Status start_read(Instant now, bool idle) { return do_start_read(now, idle); }
  /// Pulses one coil, timed by the board. Sends one frame, once.
  Status start_unlock(std::uint8_t channel, Instant now) { return do_start_unlock(channel, now); }

  /// Takes what has arrived. kWaiting until the request is over, then its outcome once, then kNone.
  /// It is over kReplyTimeout after the request's last byte at the latest.
  Exchange tick(Instant now) { return do_tick(now); }
  /// When tick() has work next; Instant::max() while no request runs.
  Instant wake() const { return do_wake(); }
  /// Inputs of the last read that was done: bit c is set if channel c's door switch reads shut, or if its item
  /// sensor says that something is inside.
  std::uint64_t inputs() const { return do_inputs(); }

 protected:
  ~LockBoard() = default;

 private:
  virtual Status do_start_all_off(Instant now) = 0;
  virtual Status do_start_read(Instant now, bool idle) = 0;
  virtual Status do_start_unlock(std::uint8_t channel, Instant now) = 0;
  virtual Exchange do_tick(Instant now) = 0;
  virtual Instant do_wake() const = 0;
  virtual std::uint64_t do_inputs() const = 0;
};

}  // namespace cubby::drivers
