#include "emulator/scenario/profiles.h"

namespace cubby::emulator {
namespace {

constexpr std::uint64_t kMonday = 1'740'931'200'000;  // 2025-03-03 00:00 at UTC+8.

// The province of the founding example; every number and its source is in docs/simulation.md.
Profile shanxi() {
  Profile profile;
  profile.name = "shanxi";
  profile.prefix = "SX";
  profile.stations = 2800;
  profile.utc_offset_min = 480;
  profile.language = PanelLanguage::kChinese;
  profile.start_utc_ms = kMonday;
  profile.cities = {{"Taiyuan", "TY", 5304},  {"Datong", "DT", 3106},   {"Yangquan", "YQ", 1319},
                    {"Changzhi", "CZ", 3180}, {"Jincheng", "JC", 2194}, {"Shuozhou", "SZ", 1593},
                    {"Jinzhong", "JZ", 3380}, {"Yuncheng", "YC", 4775}, {"Xinzhou", "XZ", 2690},
                    {"Linfen", "LF", 3976},   {"Luliang", "LL", 3399}};
  profile.layouts = {{.doors_l = 4, .doors_m = 11, .doors_s = 31, .weight = 412},
                     {.doors_l = 6, .doors_m = 17, .doors_s = 49, .weight = 1260},
                     {.doors_l = 8, .doors_m = 23, .doors_s = 67, .weight = 1128}};
  profile.carriers = {"sf",   "zto",  "yto",     "sto", "yunda", "jt",   "ems",  "jd",   "deppon",
                      "best", "post", "cainiao", "uc",  "ane",   "zjs",  "tt",   "gto",  "qfkd",
                      "suer", "fast", "ymdd",    "kye", "jgsd",  "ztky", "sxjd", "ycgw", "htky",
                      "lb",   "ewe",  "dsw",     "rfd", "yad",   "cces", "feng", "hoau"};
  profile.offered_per_station_day_milli = 50'000;
  profile.size_per_million = {600'000, 300'000, 90'000, 10'000};
  return profile;
}

Profile town() {
  Profile profile = shanxi();
  profile.name = "town";
  profile.stations = 28;
  return profile;
}

}  // namespace

std::optional<Profile> find_profile(std::string_view name) {
  if (name == "shanxi") {
    return shanxi();
  }
  if (name == "town") {
    return town();
  }
  return std::nullopt;
}

std::vector<std::string> profile_names() {
  return {"shanxi", "town"};
}

}  // namespace cubby::emulator
