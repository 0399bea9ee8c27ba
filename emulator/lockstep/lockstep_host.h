#pragma once

#include <array>
#include <optional>
#include <string>

#include "emulator/lockstep/guest_stream.h"
#include "emulator/station/remote_controller.h"

namespace cubby::emulator {

/// A controller at the other end of a stream; docs/spec/lockstep.md. The world's hardware answers what it asks.
class LockstepHost final : public RemoteController {
 public:
  /// What becomes of a guest when the power is cut at one of its flash operations.
  enum class AtCut : std::uint8_t {
    kFinishesTick,  // As a controller in this process, whose ticks nobody can stop.
    kDies,          // On the spot, without an answer.
  };

  /// `stream` must outlive the host.
  explicit LockstepHost(GuestStream& stream, AtCut at_cut = AtCut::kFinishesTick)
      : stream_(&stream), at_cut_(at_cut), channel_(stream, buffer_) {}

  Status boot(const RemoteHardware& hardware, const app::AssemblyOptions& options) override;
  Result<Wake> tick(Instant now) override;
  bool knows(std::size_t board, std::uint64_t inputs) override;
  Instant idle_poll_of(std::size_t board, Instant from) override;
  void power_off() override;
  bool settled() const override { return settled_; }
  bool lost() const override { return !failure_.empty(); }

  /// Why the guest was lost, in words.
  const std::string& failure() const { return failure_; }
  /// Its name, from the greeting.
  const std::string& port() const { return port_; }
  /// Guests that died at a cut.
  std::uint64_t deaths() const { return deaths_; }
  /// Questions answered since the beginning.
  std::uint64_t questions() const { return questions_; }

 private:
  static constexpr std::uint32_t kTalkMax = 200'000;  // Under one order.

  Status greet();
  /// Answers and listens until the outcome of an order is there. kNotFound: the guest died at a cut.
  Result<Bytes> serve(lockstep::Message outcome);
  Status handle(const lockstep::Channel::Frame& frame);
  bool take_note(const lockstep::Channel::Frame& frame, lockstep::Reader& reader);
  Status handle_bus(lockstep::Message type, lockstep::Reader& reader);
  Status handle_flash(lockstep::Message type, lockstep::Reader& reader);
  Status handle_link(lockstep::Message type, lockstep::Reader& reader);
  Status handle_panel(lockstep::Message type, lockstep::Reader& reader);
  Status handle_random(lockstep::Reader& reader);
  Status answer(Bytes head, Bytes tail = {});
  Status answer(Status status);
  Status lose(std::string why);
  /// The channel has failed: why.
  Status lose_channel();
  lockstep::Inputs inputs(Instant now) const;

  GuestStream* stream_;
  AtCut at_cut_;
  std::array<std::byte, lockstep::kToHostMax + lockstep::kFrameTrailer> buffer_{};
  lockstep::Channel channel_;
  std::optional<RemoteHardware> world_;  // While there is power.
  Instant now_{};                        // Of the order that is under way.
  std::array<std::byte, lockstep::kChunkMax> chunk_{};
  bool settled_ = false;
  bool died_ = false;  // At a cut.
  std::string failure_;
  std::string port_;
  std::uint64_t questions_ = 0;
  std::uint64_t deaths_ = 0;
};

}  // namespace cubby::emulator
