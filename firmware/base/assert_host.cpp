#include <cstdio>
#include <cstdlib>

#include "firmware/base/assert.h"

namespace cubby {

void assertion_failed(const char* expression, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, expression);
  std::abort();
}

}  // namespace cubby
