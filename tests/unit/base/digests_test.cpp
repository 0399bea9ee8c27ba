// Published vectors: whoever reads the same standards must get the same bytes.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "firmware/base/chain.h"
#include "firmware/base/crc.h"
#include "firmware/base/digest.h"
#include "firmware/base/hotp.h"

namespace cubby {
namespace {

std::vector<std::byte> from_hex(const std::string& text) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoul(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::string hex(Bytes bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte value : bytes) {
    text += kDigits[std::to_integer<std::size_t>(value >> 4)];
    text += kDigits[std::to_integer<std::size_t>(value & std::byte{15})];
  }
  return text;
}

TEST(Crc, CheckValuesOfTheCatalogue) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);
  EXPECT_EQ(crc16_modbus(as_bytes("123456789")), 0x4B37U);
  EXPECT_EQ(crc32c({}), 0U);
}

// RFC 3720, appendix B.4.
TEST(Crc, ThirtyTwoZeroesOnesAndNumbers) {
  EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0})), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::vector<std::byte>(32, std::byte{0xFF})), 0x62A8AB43U);
  std::vector<std::byte> numbers;
  for (int i = 0; i < 32; ++i) {
    numbers.push_back(static_cast<std::byte>(i));
  }
  EXPECT_EQ(crc32c(numbers), 0x46DD794EU);
}

TEST(Crc, InPiecesAsInOne) {
  const Bytes all = as_bytes("a record that is written in two pieces");
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    EXPECT_EQ(crc32c(all.subspan(cut), crc32c(all.first(cut))), crc32c(all)) << "cut at " << cut;
  }
}

// As the catalogue defines them, a bit at a time: every length meets other ends of the loops that take several bytes.
template <typename T>
T bit_by_bit(Bytes data, T crc, T polynomial) {
  for (const std::byte byte : data) {
    crc = static_cast<T>(crc ^ static_cast<T>(byte));
    for (int bit = 0; bit < 8; ++bit) {
      crc = static_cast<T>((crc >> 1) ^ ((crc & 1U) != 0 ? polynomial : T{0}));
    }
  }
  return crc;
}

TEST(Crc, OfEveryLengthAsTheirDefinitions) {
  std::vector<std::byte> data;
  for (unsigned i = 0; i < 70; ++i) {
    const Bytes bytes(data);
    EXPECT_EQ(crc16_modbus(bytes), bit_by_bit<std::uint16_t>(bytes, 0xFFFF, 0xA001)) << i << " bytes";
    const std::uint32_t wanted = ~bit_by_bit<std::uint32_t>(bytes, 0xFFFF'FFFF, 0x82F6'3B78);
    EXPECT_EQ(crc32c(bytes), wanted) << i << " bytes";
    EXPECT_EQ(crc32c_by_table(bytes), wanted) << i << " bytes";
    data.push_back(static_cast<std::byte>(i * 151 + 3));
  }
}

// FIPS 180-4 examples.
TEST(Digest, Sha256) {
  const std::array<Bytes, 1> abc{as_bytes("abc")};
  EXPECT_EQ(hex(sha256(abc)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const std::array<Bytes, 2> two{as_bytes("abcdbcdecdefdefgefgh"), as_bytes("fghighijhijkijkljklmklmnlmnomnopnopq")};
  EXPECT_EQ(hex(sha256(two)), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

// RFC 4231, test cases 1, 2 and 6 (a key longer than a block).
TEST(Digest, HmacSha256) {
  const std::vector<std::byte> key(20, std::byte{0x0b});
  const std::array<Bytes, 1> hi{as_bytes("Hi There")};
  EXPECT_EQ(hex(hmac_sha256(key, hi)), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  const std::array<Bytes, 2> what{as_bytes("what do ya want "), as_bytes("for nothing?")};
  EXPECT_EQ(hex(hmac_sha256(as_bytes("Jefe"), what)),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  const std::vector<std::byte> long_key(131, std::byte{0xaa});
  const std::array<Bytes, 1> large{as_bytes("Test Using Larger Than Block-Size Key - Hash Key First")};
  EXPECT_EQ(hex(hmac_sha256(long_key, large)), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

// RFC 2202, test case 2.
TEST(Digest, HmacSha1) {
  EXPECT_EQ(hex(hmac_sha1(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

// RFC 5869, test case 3: no salt, no info; its first 32 bytes.
TEST(Digest, Hkdf) {
  const std::vector<std::byte> key(22, std::byte{0x0b});
  const std::array<Bytes, 1> nothing{Bytes{}};
  EXPECT_EQ(hex(hkdf_sha256(key, nothing)), "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}

TEST(Digest, ConstantTimeComparisonComparesEverything) {
  const std::vector<std::byte> a = from_hex("00112233445566778899");
  EXPECT_TRUE(equal_constant_time(a, a));
  for (std::size_t i = 0; i < a.size(); ++i) {
    auto b = a;
    b[i] ^= std::byte{1};
    EXPECT_FALSE(equal_constant_time(a, b)) << i;
    EXPECT_FALSE(equal_constant_time(a, Bytes(a).first(i))) << i;
  }
}

// RFC 4226, appendix D.
TEST(Hotp, PublishedVectors) {
  const Bytes key = as_bytes("12345678901234567890");
  constexpr std::array<std::uint32_t, 10> kCodes{755224, 287082, 359152, 969429, 338314,
                                                 254676, 287922, 162583, 399871, 520489};
  for (std::uint64_t counter = 0; counter < kCodes.size(); ++counter) {
    EXPECT_EQ(hotp(key, counter, 6), kCodes[counter]) << counter;
    EXPECT_EQ(hotp(key, counter, 8) % 1'000'000, kCodes[counter]) << counter;
  }
  // The truncated values of the same appendix, modulo 10^8.
  EXPECT_EQ(hotp(key, 0, 8), 1284755224U % 100'000'000);
  EXPECT_EQ(hotp(key, 9, 8), 1'645'520'489U % 100'000'000);
}

TEST(Hotp, APickupCodeIsEightDigitsWithItsZeros) {
  StationKey key{};
  int with_zero = 0;
  for (std::uint64_t counter = 0; counter < 1'000; ++counter) {
    const PickupCode code = pickup_code(key, counter, 8);
    ASSERT_EQ(code.text().size(), 8U);
    EXPECT_EQ(std::stoul(std::string(code.text())), hotp(key, counter, 8));
    with_zero += code.text()[0] == '0' ? 1 : 0;
  }
  EXPECT_GT(with_zero, 50);
}

TEST(Hotp, AShortPickupCodeIsItsLastSixDigits) {
  StationKey key{};
  for (std::uint64_t counter = 0; counter < 1'000; ++counter) {
    const PickupCode code = pickup_code(key, counter, 6);
    ASSERT_EQ(code.text().size(), 6U);
    EXPECT_EQ(code.text(), pickup_code(key, counter, 8).text().substr(2));
  }
}

TEST(Keys, DifferByStationVersionAndUse) {
  const std::vector<std::byte> fleet(32, std::byte{7});
  const StationKey one = derive_station_key(fleet, "SX-TY-0001", 1);
  EXPECT_EQ(derive_station_key(fleet, "SX-TY-0001", 1), one);
  EXPECT_NE(derive_station_key(fleet, "SX-TY-0001", 2), one);
  EXPECT_NE(derive_station_key(fleet, "SX-TY-0002", 1), one);
  EXPECT_NE(derive_pass_key(fleet), one);
}

// Worked out with another implementation of SHA-256 from the definition in the header.
TEST(Chain, IsTheOneOfTheDefinition) {
  JournalUid uid{};
  for (std::size_t i = 0; i < uid.size(); ++i) {
    uid[i] = static_cast<std::byte>(i);
  }
  const Chain start = chain_start(uid);
  EXPECT_EQ(start, 0xBE36BF0526CB45BEULL);
  const Chain first = chain_next(start, 1, as_bytes("first"));
  EXPECT_EQ(first, 0xAF3C3FAB350B5A9EULL);
  EXPECT_EQ(chain_next(first, 2, as_bytes("second")), 0x27E9E0698802E1E1ULL);
}

}  // namespace
}  // namespace cubby
