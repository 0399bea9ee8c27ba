#pragma once

#include <cstdint>
#include <string>

#include "cubby/v1/event.nanopb.h"
#include "firmware/base/trace.h"

namespace cubby::posix {

/// What the controller does, in words, to the log: no codes, no parcel numbers, nothing that a person said.
class EventLog final : public TraceSink {
 public:
  void on_event(std::uint64_t seq, Bytes payload) override;
  void on_compartment(std::uint8_t number, std::uint8_t from, std::uint8_t to) override;
  void on_uplink(std::uint8_t from, std::uint8_t to) override;

 private:
  cubby_v1_Event event_{};
  std::uint64_t newest_ = 0;
};

/// "deposited in door 3"; for the log.
std::string words_of(const cubby_v1_Event& event);

}  // namespace cubby::posix
