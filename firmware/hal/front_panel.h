#pragma once

#include <cstddef>

#include "firmware/base/bytes.h"
#include "firmware/base/status.h"

namespace cubby::hal {

/// Byte stream to the panel module (keypad, scanner, display, buzzer); docs/spec/panel.md. Never blocks.
class FrontPanel {
 public:
  std::size_t receive(MutableBytes into) { return do_receive(into); }
  /// All or nothing. kBusy: the buffer is full. kNotSent: no panel.
  Status send(Bytes bytes) { return do_send(bytes); }

 protected:
  ~FrontPanel() = default;

 private:
  virtual std::size_t do_receive(MutableBytes into) = 0;
  virtual Status do_send(Bytes bytes) = 0;
};

}  // namespace cubby::hal
