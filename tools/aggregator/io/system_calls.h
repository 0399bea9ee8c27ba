#pragma once

#include <cstdint>

#include "firmware/base/bytes.h"

/// What the aggregator asks its system for.
namespace cubby::aggregator {

/// Processor time of the calling thread.
double thread_cpu_s();
std::uint64_t system_utc_ms();
/// Waits for the system's generator where it must.
void fill_random(MutableBytes bytes);
/// A station each is a descriptor each: as many as the system lets us have.
void raise_descriptor_limit();

}  // namespace cubby::aggregator
