#pragma once

#include "firmware/wire/lockstep/protocol.h"

namespace cubby::emulator {

/// A guest and the byte stream to it. Implemented where there are processes.
class GuestStream : public lockstep::ByteStream {
 public:
  virtual ~GuestStream() = default;
  /// Starts a guest with nothing in its memory; the one before it is stopped. kIo: it cannot be started.
  virtual Status start() = 0;
  /// Ends the guest at once, wherever it is.
  virtual void stop() = 0;
};

}  // namespace cubby::emulator
