#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "firmware/hal/clock.h"
#include "firmware/hal/front_panel.h"
#include "firmware/hal/network_link.h"
#include "firmware/hal/serial_bus.h"
#include "firmware/ports/posix/host_time.h"
#include "firmware/ports/posix/kept_line.h"
#include "firmware/ports/posix/uplink_certificate.h"

namespace cubby::posix {

/// The lock boards' segment behind a serial adapter, which turns the line round by itself, or a TCP converter.
///
/// Of a frame either nothing has left, and send() says so, or nobody can know how much did: then send() was kOk and
/// no reply comes. What had not left when the adapter went is dropped and never sent again.
class LineBus final : public hal::SerialBus {
 public:
  static constexpr Duration kStuckAfter = Duration::milliseconds(500);  // A frame that the port does not take.

  LineBus(SystemCalls& calls, const LineAddress& address, std::int64_t byte_time_us)
      : line_(calls, "bus", address, {.in = 512, .out = limits::kBusFrameMax}), byte_time_us_(byte_time_us) {}
  KeptLine& line() { return line_; }

 private:
  Status do_send(Bytes frame, Instant now, bool idle) override;
  std::size_t do_receive(MutableBytes into, Instant now) override;
  Instant do_next_arrival() const override { return Instant::max(); }  // The loop ticks when bytes arrive.
  std::int64_t do_byte_time_us() const override { return byte_time_us_; }
  bool still_sending() const;

  KeptLine line_;
  std::int64_t byte_time_us_;
  Instant sent_at_{};
};

/// The front panel, which may come and go: one that comes is told the language and the screen of now.
class LinePanel final : public hal::FrontPanel {
 public:
  LinePanel(SystemCalls& calls, const LineAddress& address)
      : line_(calls, "panel", address, {.in = 1024, .out = 1024}) {}
  KeptLine& line() { return line_; }
  void service(Instant now);

 private:
  std::size_t do_receive(MutableBytes into) override { return line_.line().receive(into); }
  Status do_send(Bytes bytes) override;

  KeptLine line_;
  unsigned told_ = 0;  // Generation of the line that was told so.
  std::vector<std::byte> language_;
  std::vector<std::byte> screen_;
};

/// A station without a panel.
class NoPanel final : public hal::FrontPanel {
 private:
  std::size_t do_receive(MutableBytes) override { return 0; }
  Status do_send(Bytes) override { return Status::kNotSent; }
};

/// TCP to the aggregator, with TLS or without. Whether it answers is the uplink's business; here only connecting, with
/// the handshake, has a deadline. The certificates are read anew for each connection: what was renewed is in force
/// without a restart, and what is wrong with them keeps nobody from their parcel.
class TcpLink final : public hal::NetworkLink {
 public:
  static constexpr Duration kConnectTimeout = Duration::seconds(10);

  /// `address` is of kTcpConnect. `clock`, which may not know the time, is for the aggregator's certificate.
  TcpLink(SystemCalls& calls, const HostTime& time, const hal::Clock& clock, LineAddress address, TlsSettings tls,
          std::string station);
  void service();
  void watch(std::vector<pollfd>& set) const { line_.watch(set); }
  Instant deadline() const;

 private:
  Status do_connect() override;
  hal::LinkState do_state() const override;
  Status do_send(Bytes bytes) override;
  std::size_t do_receive(MutableBytes into) override;
  void do_close() override;
  bool begin_tls();
  bool receive_wire();
  void flush_tls();
  void tell(const std::string& trouble);

  const HostTime& time_;
  const hal::Clock& clock_;
  LineAddress address_;
  TlsSettings settings_;
  std::string station_;
  std::unique_ptr<tls::Session> tls_;  // Null: plaintext, or down.
  std::string told_;                   // The last trouble; it is told when it changes.
  ByteLine line_;
  Instant connect_until_{};
};

}  // namespace cubby::posix
