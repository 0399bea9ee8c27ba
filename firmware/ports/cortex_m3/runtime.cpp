// What the compiler and the C library ask of a system. There is no heap: nothing here gives one, so an image that pulls
// in malloc() has no _sbrk() and does not link.
#include "firmware/base/assert.h"

extern "C" {

// The C library's name for it.
[[noreturn]] void cubby_abort() asm("abort");
void cubby_abort() {
  cubby::assertion_failed("", "abort", 0);
}

[[noreturn]] void __cxa_pure_virtual() {
  cubby::assertion_failed("", "pure virtual", 0);
}

}  // extern "C"
