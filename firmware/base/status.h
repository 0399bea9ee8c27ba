#pragma once

#include <cstdint>
#include <string_view>

namespace cubby {

/// What became of a call. Operating errors are returned; programmer errors assert, in every build.
enum class [[nodiscard]] Status : std::uint8_t{
    kOk,
    kBusy,     // Try again later; nothing was done.
    kNoSpace,  // The fixed capacity is used up; nothing was done.
    kNotFound,
    kWrongState,  // Legal call, but not now.
    kBadInput,    // The bytes or the value break a stated rule.
    kCorrupt,     // Stored bytes do not verify.
    kIo,          // The device failed; the effect is unknown.
    kNotSent,     // Nothing left this controller.
    kUnknown,     // It was sent; whether it took effect nobody can say.
    kTimeout,
    kRefused,       // The other side answered "no".
    kLocked,        // The keypad is locked after wrong codes.
    kVersion,       // A format or protocol version that this build does not know.
    kNotSupported,  // Not built yet.
};

/// The enumerator's name without its `k`; for logs and test messages.
std::string_view to_string(Status status);

}  // namespace cubby

/// Returns early with the status of `expression` unless it is kOk.
#define CUBBY_TRY(expression)                              \
  do {                                                     \
    const ::cubby::Status cubby_try_status = (expression); \
    if (cubby_try_status != ::cubby::Status::kOk) {        \
      return cubby_try_status;                             \
    }                                                      \
  } while (false)
