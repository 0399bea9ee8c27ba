#include "emulator/people/notices.h"

#include <gtest/gtest.h>

#include "cubby/v1/event.pb.h"
#include "cubby/v1/uplink.pb.h"

namespace cubby::emulator {
namespace {

v1::Deposited deposited() {
  v1::Deposited body;
  body.set_compartment(192);
  body.set_counter(300);
  body.set_parcel("RB473124829CN");
  body.set_carrier("sf");
  body.set_size(v1::SIZE_M);
  body.set_attempts(1);
  body.set_open_ms(9'400);
  return body;
}

TEST(Notices, ReadTheCodeAndTheParcelOfADeposit) {
  const std::string bytes = deposited().SerializeAsString();
  const auto notice = read_deposited(as_bytes(bytes));
  ASSERT_TRUE(notice.has_value());
  EXPECT_EQ(notice->compartment, 192);
  EXPECT_EQ(notice->parcel, "RB473124829CN");
  EXPECT_EQ(notice->code.counter, 300U);
  EXPECT_EQ(notice->code.digits, limits::kCodeDigits);
  EXPECT_EQ(notice->code.key_version, 1);
}

// A parcel of a group opens with the code of the group's first, whatever its own counter is.
TEST(Notices, TakeTheCodeThatTheEventNames) {
  v1::Deposited body = deposited();
  body.set_recipient_token(UINT64_MAX);
  body.set_code_counter(17);
  body.set_code_digits(6);
  body.set_key_version(65'535);
  const std::string bytes = body.SerializeAsString();
  const auto notice = read_deposited(as_bytes(bytes));
  ASSERT_TRUE(notice.has_value());
  EXPECT_EQ(notice->code.counter, 17U);
  EXPECT_EQ(notice->code.digits, 6);
  EXPECT_EQ(notice->code.key_version, 65'535);
}

TEST(Notices, SayNothingOfADepositBehindNoDoor) {
  v1::Deposited body = deposited();
  body.set_compartment(0);
  EXPECT_FALSE(read_deposited(as_bytes(body.SerializeAsString())).has_value());
  body.set_compartment(193);
  EXPECT_FALSE(read_deposited(as_bytes(body.SerializeAsString())).has_value());
  body.set_compartment(257);
  EXPECT_FALSE(read_deposited(as_bytes(body.SerializeAsString())).has_value());
  const std::string bytes = deposited().SerializeAsString();
  EXPECT_FALSE(read_deposited(as_bytes(std::string_view(bytes).substr(0, bytes.size() - 1))).has_value());
}

TEST(Notices, HearAcknowledgementsOnly) {
  v1::Down down;
  down.mutable_ack()->set_journal_uid(std::string(16, 'u'));
  down.mutable_ack()->set_durable_seq(70'000);
  down.mutable_ack()->set_chain(70'001);
  down.mutable_ack()->set_window(2'000);
  EXPECT_EQ(read_ack(as_bytes(down.SerializeAsString())), 70'000U);
  down.mutable_ack()->clear_durable_seq();
  EXPECT_EQ(read_ack(as_bytes(down.SerializeAsString())), 0U);
  down.mutable_welcome()->set_high_water(70'000);
  EXPECT_FALSE(read_ack(as_bytes(down.SerializeAsString())).has_value());
  EXPECT_FALSE(read_ack({}).has_value());
}

}  // namespace
}  // namespace cubby::emulator
