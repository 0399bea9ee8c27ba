#include "firmware/tls/identity.h"

#include <gtest/gtest.h>

namespace cubby::tls {
namespace {

std::optional<Identity> read(std::vector<std::string> uris) {
  return read_identity(uris);
}

TEST(Identity, ReadsWhatItWritesOfEveryRole) {
  for (const Identity& identity :
       {Identity{.role = Role::kStation, .name = "SX-TY-0007", .stations = {"SX-TY-0007"}},
        Identity{.role = Role::kConcentrator, .name = "gateway-1", .stations = {"SX-TY-*", "TW-0001", "*"}},
        Identity{.role = Role::kAggregator, .name = "centre.example", .stations = {}},
        Identity{.role = Role::kNotifier, .name = "sms_1", .stations = {}}}) {
    const auto again = read_identity(identity_uris(identity));
    ASSERT_TRUE(again.has_value()) << identity.name;
    EXPECT_EQ(again->role, identity.role);
    EXPECT_EQ(again->name, identity.name);
    EXPECT_EQ(again->stations, identity.stations);
  }
}

TEST(Identity, SkipsNamesOfOtherSchemes) {
  const auto identity = read({"https://example.org/", "cubby:station:A", "urn:uuid:1"});
  ASSERT_TRUE(identity.has_value());
  EXPECT_EQ(identity->stations, std::vector<std::string>{"A"});
}

TEST(Identity, RefusesNamesThatDoNotSayOneRole) {
  const std::vector<std::vector<std::string>> refused{
      {},
      {"https://example.org/"},
      {"cubby:"},
      {"cubby:station"},
      {"cubby:station:"},
      {"cubby:station:sx-ty-0007"},
      {"cubby:station:SX TY"},
      {std::string("cubby:station:SX\0TY", 19)},
      {"cubby:station:SX:TY"},
      {"cubby:station:SX-*"},
      {"cubby:station:" + std::string(33, 'A')},
      {"cubby:station:A", "cubby:station:B"},
      {"cubby:station:A", "cubby:aggregator:a"},
      {"cubby:station:A", "cubby:speaks-for:B"},
      {"cubby:aggregator:a", "cubby:speaks-for:B"},
      {"cubby:aggregator:" + std::string(65, 'a')},
      {"cubby:concentrator:a"},
      {"cubby:speaks-for:A"},
      {"cubby:concentrator:a", "cubby:speaks-for:"},
      {"cubby:concentrator:a", "cubby:speaks-for:A*B"},
      {"cubby:concentrator:a", "cubby:speaks-for:**"},
      {"cubby:concentrator:a", "cubby:speaks-for:a*"},
      {"cubby:operator:a"},
      {"cubby:station:A", "cubby:tenant:a"},
  };
  for (const auto& uris : refused) {
    EXPECT_FALSE(read_identity(uris).has_value()) << (uris.empty() ? "no name" : uris.back());
  }
}

TEST(Identity, TakesABoundedNumberOfPatterns) {
  std::vector<std::string> uris{"cubby:concentrator:a"};
  for (std::size_t i = 0; i < kPatternsMax; ++i) {
    uris.push_back("cubby:speaks-for:S" + std::to_string(i));
  }
  EXPECT_TRUE(read_identity(uris).has_value());
  uris.emplace_back("cubby:speaks-for:ONE-MORE");
  EXPECT_FALSE(read_identity(uris).has_value());
}

}  // namespace
}  // namespace cubby::tls
