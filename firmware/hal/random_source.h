#pragma once

#include "firmware/base/bytes.h"
#include "firmware/base/status.h"

namespace cubby::hal {

/// Random bytes fit for nonces and journal ids; in the emulator a named child of the seed.
class RandomSource {
 public:
  /// kIo: the generator failed; `into` must not be used.
  Status fill(MutableBytes into) { return do_fill(into); }

 protected:
  ~RandomSource() = default;

 private:
  virtual Status do_fill(MutableBytes into) = 0;
};

}  // namespace cubby::hal
