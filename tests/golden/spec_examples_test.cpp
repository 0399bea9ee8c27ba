#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "firmware/base/chain.h"
#include "firmware/base/digest.h"
#include "firmware/base/hotp.h"
#include "firmware/wire/codec/event_codec.h"
#include "firmware/wire/codec/uplink_codec.h"
#include "firmware/wire/framing/frame.h"
#include "golden/vector_file.h"

/// Computes the worked examples of docs/spec/wire.md and looks each of them up in the document.
namespace cubby::golden {
namespace {

std::string hex(Bytes bytes) {
  return to_hex(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

std::string hex(Chain chain) {
  std::array<std::byte, 8> bytes;
  store_le<std::uint64_t>(bytes, chain);
  return hex(Bytes(bytes));
}

class WireSpecification : public testing::Test {
 protected:
  void SetUp() override {
    std::ifstream file(std::string(CUBBY_DOCS_DIR) + "/spec/wire.md");
    std::stringstream text;
    text << file.rdbuf();
    for (const char c : text.str()) {  // Line breaks and blanks within an example do not count.
      if (c != ' ' && c != '\n') {
        document_ += c;
      }
    }
    ASSERT_FALSE(document_.empty());
  }

  void expect_in_document(const std::string& name, const std::string& value) {
    EXPECT_NE(document_.find(value), std::string::npos) << name << " is not in docs/spec/wire.md: " << value;
  }

  static JournalUid uid() {
    JournalUid uid;
    for (std::size_t i = 0; i < uid.size(); ++i) {
      uid[i] = static_cast<std::byte>(i);
    }
    return uid;
  }

  static std::vector<std::byte> event(std::uint64_t uptime_ms) {
    cubby_v1_Event event = cubby_v1_Event_init_zero;
    event.boot = 1;
    event.uptime_ms = uptime_ms;
    event.which_body = cubby_v1_Event_in_service_tag;
    event.body.in_service.compartment = 7;
    std::vector<std::byte> bytes(64);
    bytes.resize(wire::encode_event(event, bytes).value());
    return bytes;
  }

  std::string document_;
};

TEST_F(WireSpecification, ShowsTheChainOfTwoEvents) {
  const std::vector<std::byte> first = event(1'000);
  const std::vector<std::byte> second = event(2'000);
  const Chain start = chain_start(uid());
  const Chain after_first = chain_next(start, 1, first);
  expect_in_document("journal_uid", hex(uid()));
  expect_in_document("first event", hex(first));
  expect_in_document("second event", hex(second));
  expect_in_document("chain before the first event", hex(start));
  expect_in_document("chain after event 1", hex(after_first));
  expect_in_document("chain after event 2", hex(chain_next(after_first, 2, second)));

  std::array<std::byte, 256> buffer;
  wire::BatchWriter writer(buffer);
  for (const std::vector<std::byte>& bytes : {first, second}) {
    std::copy(bytes.begin(), bytes.end(), writer.space(bytes.size()).begin());
    writer.commit(bytes.size());
  }
  expect_in_document("frame of both", hex(writer.finish(uid(), 1, start)));
}

TEST_F(WireSpecification, ShowsAProof) {
  std::array<std::byte, 32> fleet_key;
  fleet_key.fill(std::byte{0x42});
  const StationKey key = derive_station_key(fleet_key, "SX-TY-0007", 1);
  expect_in_document("fleet key", hex(Bytes(fleet_key)));
  expect_in_document("station key", hex(Bytes(key)));
  Nonce centre;
  centre.fill(std::byte{0xCC});
  Nonce station;
  station.fill(std::byte{0x55});
  const JournalUid journal = uid();
  const std::array<Bytes, 5> parts{as_bytes("cubby uplink v1"), centre, station, journal, as_bytes("SX-TY-0007")};
  expect_in_document("mac", hex(Bytes(hmac_sha256(key, parts))));
}

TEST_F(WireSpecification, ShowsAPing) {
  cubby_v1_Up up = cubby_v1_Up_init_zero;
  up.which_body = cubby_v1_Up_ping_tag;
  std::array<std::byte, 64> buffer;
  expect_in_document("ping", hex(Bytes(buffer).first(wire::encode_up_frame(up, buffer).value())));
}

}  // namespace
}  // namespace cubby::golden
