// Containers against the standard library's, generators against their promises, passes against forgers.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "firmware/base/hotp.h"
#include "firmware/base/inplace_string.h"
#include "firmware/base/inplace_vector.h"
#include "firmware/base/instant.h"
#include "firmware/base/names.h"
#include "firmware/base/parcel_number.h"
#include "firmware/base/pass.h"
#include "firmware/base/prng.h"
#include "firmware/base/result.h"

namespace cubby {
namespace {

TEST(Names, ADisarmedTextKeepsItsLettersAndLosesItsControlCharacters) {
  std::string text = "a\x1b[2J\n\x7f \xc2\x9b \xc2\xa7 \xe5\xa4\xaa \xc2";
  disarm(text);
  EXPECT_EQ(text, "a?[2J?? ?? \xc2\xa7 \xe5\xa4\xaa \xc2");
}

TEST(InplaceVector, BehavesLikeAVectorOfBoundedSize) {
  constexpr std::size_t kCapacity = 7;
  InplaceVector<int, kCapacity> ours;
  std::vector<int> model;
  Prng dice(1);
  for (int step = 0; step < 20'000; ++step) {
    const std::uint64_t what = dice.below(10);
    if (what < 6) {
      const int value = static_cast<int>(dice.below(1000));
      const bool fits = model.size() < kCapacity;
      ASSERT_EQ(ours.push_back(value), fits ? Status::kOk : Status::kNoSpace);
      if (fits) {
        model.push_back(value);
      }
    } else if (what < 9 && !model.empty()) {
      const std::size_t index = dice.below(model.size());
      ours.swap_remove(index);
      model[index] = model.back();
      model.pop_back();
    } else if (what == 9 && dice.below(20) == 0) {
      ours.clear();
      model.clear();
    }
    ASSERT_EQ(ours.full(), model.size() == kCapacity);
    ASSERT_TRUE(std::equal(ours.begin(), ours.end(), model.begin(), model.end())) << "seed 1, step " << step;
  }
}

TEST(InplaceString, CutsWhatDoesNotFitAndSaysSo) {
  InplaceString<4> text;
  EXPECT_TRUE(text.assign("abcd"));
  EXPECT_FALSE(text.assign("abcde"));
  EXPECT_EQ(text.view(), "abcd");
  EXPECT_EQ(text, InplaceString<4>("abcd"));
  text.clear();
  EXPECT_TRUE(text.empty());
}

TEST(Prng, SameSeedSameNumbersAndChildrenOfTheirOwn) {
  Prng a(5);
  Prng b(5);
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(a.next(), b.next());
  }
  // A child depends on the seed, its name and its index, not on how far the parent has come.
  EXPECT_EQ(a.child("doors").next(), Prng(5).child("doors").next());
  const std::set<std::uint64_t> firsts{Prng(5).next(), Prng(6).next(), a.child("doors").next(),
                                       a.child("doors", 1).next(), a.child("people").next()};
  EXPECT_EQ(firsts.size(), 5U);
}

TEST(Prng, GoesOnFromASavedState) {
  Prng a(9);
  for (int i = 0; i < 10; ++i) {
    a.next();
  }
  Prng b(0);
  b.restore(a.state());
  EXPECT_EQ(a.next(), b.next());
  EXPECT_EQ(a.child("x").next(), b.child("x").next());
}

// Chi-squared over 10 boxes of 100,000 throws; 9 degrees of freedom exceed 33.7 once in 10,000.
TEST(Prng, BelowIsUniform) {
  Prng dice(3);
  std::array<int, 10> boxes{};
  for (int i = 0; i < 100'000; ++i) {
    ++boxes[dice.below(10)];
  }
  double chi = 0;
  for (const int count : boxes) {
    chi += (count - 10'000.0) * (count - 10'000.0) / 10'000.0;
  }
  EXPECT_LT(chi, 33.7);
  EXPECT_EQ(dice.below(1), 0U);
}

TEST(Time, RoundsAndCompares) {
  EXPECT_EQ(Duration::minutes(2).us, 120'000'000);
  EXPECT_EQ((Instant{} + Duration::seconds(3) - Instant{}).ms(), 3'000);
  EXPECT_LT(Instant{} + Duration::hours(1), Instant::max());
}

TEST(Results, HoldAValueOrAReason) {
  const Result<int> good = 5;
  EXPECT_TRUE(good.ok());
  EXPECT_EQ(good.value(), 5);
  const Result<int> bad = Status::kIo;
  EXPECT_FALSE(bad.ok());
  EXPECT_EQ(bad.status(), Status::kIo);
}

struct Passes : ::testing::Test {
  static constexpr std::uint64_t kIssued = 1'741'000'000;
  static constexpr std::string_view kHere = "SX-TY-0007";
  std::string make(char role = Pass::kCourier, std::string_view station = kHere) const {
    std::array<char, kPassTextMax> text{};
    Pass pass;
    pass.role = role;
    pass.holder.assign("sf");
    pass.issued_utc_s = kIssued;
    pass.expiry_utc_s = kIssued + 600;
    pass.serial = 0xBEEF0001;
    return {text.data(), make_pass(key, pass, station, text)};
  }
  StationKey key = derive_pass_key(std::vector<std::byte>(32, std::byte{1}));
};

TEST_F(Passes, AreReadBack) {
  const Result<Pass> pass = read_pass(key, make(), kHere);
  ASSERT_TRUE(pass.ok());
  EXPECT_EQ(pass.value().role, Pass::kCourier);
  EXPECT_EQ(pass.value().holder.view(), "sf");
  EXPECT_EQ(pass.value().issued_utc_s, kIssued);
  EXPECT_EQ(pass.value().expiry_utc_s, kIssued + 600);
  EXPECT_EQ(pass.value().serial, 0xBEEF0001U);
}

// Computed with Python's hmac and hashlib from docs/spec/passes.md.
TEST_F(Passes, AreTheSpecifiedBytes) {
  StationKey plain{};
  plain.fill(std::byte{7});
  key = plain;
  EXPECT_EQ(make(Pass::kCourier), "CB1.C.sf.67c58d40.67c58f98.beef0001.a04979d0448bcad51e7d9ecae16fb9e1");
  EXPECT_EQ(make(Pass::kTechnician), "CB1.T.sf.67c58d40.67c58f98.beef0001.96c666b9eaca3a82f9bc46cc032fb9e4");
}

TEST_F(Passes, OfATechnicianHoldAtOneStationACouriersEverywhere) {
  EXPECT_TRUE(read_pass(key, make(Pass::kTechnician), kHere).ok());
  EXPECT_EQ(read_pass(key, make(Pass::kTechnician), "SX-TY-0008").status(), Status::kRefused);
  EXPECT_TRUE(read_pass(key, make(Pass::kCourier), "SX-TY-0008").ok());
}

TEST_F(Passes, OfAnotherFleetAreRefused) {
  const StationKey other = derive_pass_key(std::vector<std::byte>(32, std::byte{2}));
  EXPECT_EQ(read_pass(other, make(), kHere).status(), Status::kRefused);
}

TEST_F(Passes, WithAnyBitFlippedAreRefused) {
  for (const std::string& good : {make(Pass::kCourier), make(Pass::kTechnician)}) {
    for (std::size_t i = 0; i < good.size(); ++i) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string bad = good;
        bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
        EXPECT_FALSE(read_pass(key, bad, kHere).ok()) << "byte " << i << " bit " << bit;
      }
    }
  }
}

TEST_F(Passes, CutOrExtendedAreRefused) {
  const std::string good = make();
  for (std::size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(read_pass(key, good.substr(0, size), kHere).ok()) << size;
  }
  EXPECT_FALSE(read_pass(key, good + "0", kHere).ok());
  EXPECT_FALSE(read_pass(key, std::string(10'000, '.'), kHere).ok());
}

TEST_F(Passes, OfUnknownRolesAreNone) {
  EXPECT_EQ(read_pass(key, make('X'), kHere).status(), Status::kBadInput);
}

// The examples: 47312482 has the check digit 9 (UPU), 10614141234567890 has 8 (GS1).
TEST(ParcelNumber, GivesItsLastFourDigitsAsASecondInput) {
  const std::vector<std::pair<std::string_view, std::string_view>> numbers{{"RB473124829CN", "4829"},
                                                                           {"106141412345678908", "8908"},
                                                                           {"P1", "0001"},
                                                                           {"", "0000"},
                                                                           {"SF", "0000"},
                                                                           {"1-2 3x4", "1234"},
                                                                           {"12345", "2345"}};
  for (const auto& [parcel, second] : numbers) {
    EXPECT_EQ(second_input(parcel).view(), second) << parcel;
  }
}

TEST(ParcelNumber, OfAStandardMustCheck) {
  using Kind = ParcelNumberKind;
  const auto kind = [](std::string_view text) { return check_parcel_number(text).kind; };
  EXPECT_EQ(s10_check_digit("47312482"), '9');
  EXPECT_EQ(sscc_check_digit("10614141234567890"), '8');
  EXPECT_EQ(kind("RB473124829CN"), Kind::kS10);
  EXPECT_TRUE(check_parcel_number("RB473124829CN").good);
  EXPECT_EQ(kind("106141412345678908"), Kind::kSscc);
  EXPECT_TRUE(check_parcel_number("106141412345678908").good);
  EXPECT_TRUE(check_parcel_number("00106141412345678908").good);
  EXPECT_EQ(kind("00106141412345678908"), Kind::kSscc);
  for (const std::string_view other : {"", "SF1234567", "rb473124829cn", "RB47312482CN", "R9473124829CN",
                                       "10614141234567890", "01106141412345678908", "1061414123456789OB"}) {
    EXPECT_EQ(kind(other), Kind::kOpaque) << other;
    EXPECT_TRUE(check_parcel_number(other).good) << other;
  }
}

// A single wrong digit, wherever it is, does not pass.
TEST(ParcelNumber, WithOneDigitMisreadIsNotTaken) {
  for (const std::string_view number : {"RB473124829CN", "106141412345678908", "00106141412345678908"}) {
    for (std::size_t place = number.size() == 20 ? 2 : 0; place < number.size(); ++place) {
      for (char digit = '0'; digit <= '9'; ++digit) {
        std::string misread(number);
        if (misread[place] >= '0' && misread[place] <= '9' && misread[place] != digit) {
          misread[place] = digit;
          EXPECT_FALSE(check_parcel_number(misread).good) << misread;
        }
      }
    }
  }
  EXPECT_EQ(check_parcel_number("RB473124828CN").expected, '9');
  EXPECT_FALSE(check_parcel_number("RB473124828CN").good);
  EXPECT_FALSE(check_parcel_number("RB473124839CN").good);
}

}  // namespace
}  // namespace cubby
