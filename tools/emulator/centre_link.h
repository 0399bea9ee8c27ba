#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "firmware/base/bytes.h"
#include "firmware/base/chain.h"
#include "firmware/tls/session.h"
#include "tools/support/text.h"

namespace cubby::tools {

/// What a centre in this process knows, so that a snapshot can keep it.
struct CentreMemory {
  /// How far a station's journal is acknowledged.
  struct Mark {
    std::uint32_t channel = 0;
    JournalUid uid{};
    std::uint64_t high_water = 0;
    Chain chain = 0;
  };
  std::vector<Mark> marks;
  std::vector<std::byte> under_way;  // Frames that answer the last barrier; no station has them yet.
};

/// How often the centre said no to a station, and what it said last.
struct Refusals {
  std::uint64_t count = 0;
  std::string last;  // "BAD_PROOF: wrong station key".

  void add(const Refusals& others) {
    count += others.count;
    last = others.last.empty() ? last : others.last;
  }
};

/// A shard's connection to the centre at full speed: many stations, one channel each. Used by one thread.
class CentreLink {
 public:
  virtual ~CentreLink() = default;
  /// Connects if it is not; false: not now (call again), or never (see failed()).
  virtual bool connect(std::uint64_t utc_ms) = 0;
  virtual bool connected() const = 0;
  /// What stations said at that time; it may wait for the barrier. A channel's times never go back.
  virtual void say(Bytes frames, std::uint64_t utc_ms) = 0;
  /// The centre answers it when all before it is durable. Something was said.
  virtual void barrier() = 0;
  /// Waits for the answer to the oldest barrier that is not answered yet; the frames before it are in
  /// `answers`. False: the connection was lost.
  virtual bool await(std::vector<std::byte>& answers) = 0;
  /// Since the beginning.
  virtual Refusals refusals() const { return {}; }
  /// Adds to `memory`; nothing, if the centre is not in this process.
  virtual void remember(CentreMemory& memory) const = 0;
};

/// The centre in this process: it only acknowledges. For runs without an aggregator.
/// `memory`: of one that it goes on from.
std::unique_ptr<CentreLink> make_ack_centre(const CentreMemory& memory = {});

/// The aggregator over TCP, with TLS unless `credentials` is null. Waits at most `patience_s` for an answer.
std::unique_ptr<CentreLink> make_socket_centre(const Endpoint& endpoint, int patience_s,
                                               std::shared_ptr<const tls::Credentials> credentials);

/// A client's end of TLS to `endpoint`, with this computer's clock; null without credentials.
std::unique_ptr<tls::Session> make_tls_session(const std::shared_ptr<const tls::Credentials>& credentials,
                                               const Endpoint& endpoint);

/// The VirtualTime frame of channel 0.
void append_virtual_time(std::vector<std::byte>& out, std::uint64_t utc_ms, bool barrier);

}  // namespace cubby::tools
