#pragma once

namespace cubby {

/// Called when CUBBY_ASSERT fails; never returns. A port defines it: the host prints and aborts,
/// the microcontroller records the line and resets.
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);

}  // namespace cubby

/// A programmer's error, checked in every build.
#define CUBBY_ASSERT(condition)                                  \
  do {                                                           \
    if (!(condition)) [[unlikely]] {                             \
      ::cubby::assertion_failed(#condition, __FILE__, __LINE__); \
    }                                                            \
  } while (false)
