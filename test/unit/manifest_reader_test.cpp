// Reading manifests: the document, and the message for each mistake.
#include <gtest/gtest.h>

#include "manifests.h"

namespace dynpgext::model {
namespace {

using namespace manifests;

// ---- the document -----------------------------------------------------------------------------

TEST(manifest_reader, the_least_manifest) {
  const extension_manifest e = read_one(R"({"dynpgext":1})");
  EXPECT_EQ(e.extension, "queue");
  EXPECT_EQ(e.version, std::nullopt);
  EXPECT_EQ(e.library, std::nullopt);
  EXPECT_EQ(e.place, "");
}

TEST(manifest_reader, the_document_is_an_object_of_this_version) {
  EXPECT_EQ(faults_of("[]"), "(document): must be an object\n");
  EXPECT_EQ(faults_of("{}"), "/dynpgext: is missing\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":2})"), "/dynpgext: must be 1\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":true})"), "/dynpgext: must be 1\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":"1"})"), "/dynpgext: must be 1\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1.0})"), "");
}

TEST(manifest_reader, says_whose_it_is_unless_the_caller_does) {
  EXPECT_EQ(read_one(R"({"dynpgext":1,"extension":"queue"})").extension, "queue");
  EXPECT_EQ(read_one(R"({"dynpgext":1,"extension":"other"})", "").extension, "other");
  EXPECT_EQ(faults_of(R"({"dynpgext":1})", ""), "/extension: is missing (beyond)\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"extension":"other"})"),
            "/extension: is not \"queue\" (beyond)\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"extension":""})"), "/extension: must not be empty\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"extension":7})", ""), "/extension: must be a string\n");
}

TEST(manifest_reader, has_a_version) {
  EXPECT_EQ(read_one(R"({"dynpgext":1,"version":"1.0"})").version, "1.0");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"version":1.0})"), "/version: must be a string\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"version":")" + std::string(256, 'v') + "\"}"),
            "/version: more than 255 characters\n");
}

TEST(manifest_reader, unknown_keys_are_named_with_the_nearest_known_one) {
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"worker":[],"wrokers":1,"x":1,"a/b~":1,"":1})"),
            "/worker: unknown key, did you mean \"workers\"?\n"
            "/wrokers: unknown key, did you mean \"workers\"?\n"
            "/x: unknown key\n/a~1b~0: unknown key\n/: unknown key\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"workers":[],"worker":[]})"), "/worker: unknown key\n")
      << "the key it may mean is there";
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"allocations":[{"nam":"a","size":1}]})"),
            "/allocations/0/nam: unknown key, did you mean \"name\"?\n"
            "/allocations/0/name: is missing\n");
}

TEST(manifest_reader, all_faults_are_found_in_the_order_of_the_document) {
  EXPECT_EQ(faults_of(R"({"library":{"workers":[7],"name":""},
      "settings":[{"restart":{"delay":"x","policy":"y"},"worker":1}],
      "workers":[{"command":"  ","name":"w","interval":"1 ms","channel":""},null],
      "x":1,"allocations":[{"size":0,"scope":"here"}]})"),
            "/library/workers/0: must be an object\n/library/name: must not be empty\n"
            "/settings/0/restart/delay: not an interval (beyond)\n"
            "/settings/0/restart/policy: must be \"never\", \"on_failure\" or \"always\"\n"
            "/settings/0/worker: must be a string\n"
            "/workers/0/command: must not be only white space\n"
            "/workers/0/interval: must be from 10 ms to 366 days (beyond)\n"
            "/workers/0/channel: must not be empty\n/workers/1: must be an object\n"
            "/x: unknown key\n/allocations/0/size: must be from 1 to 1099511627776\n"
            "/allocations/0/scope: must be \"global\" or \"database\"\n"
            "/allocations/0/name: is missing\n/dynpgext: is missing\n");
}

TEST(manifest_reader, lists_are_lists) {
  for (const std::string list : {"allocations", "workers", "settings"})
    EXPECT_EQ(faults_of(R"({"dynpgext":1,")" + list + "\":{}}"),
              "/" + list + ": must be an array\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"extensions":1})", ""), "/extensions: must be an array\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"library":[]})"), "/library: must be an object\n");
}

// ---- a whole database -------------------------------------------------------------------------

TEST(manifest_reader, a_database_has_extensions) {
  const manifest_result r = read(
      R"({"dynpgext":1,"extensions":[{"extension":"b","workers":[{"name":"w","library":"l",
      "function":"f"}]},{"extension":"a","settings":[{"worker":"w","enabled":true}]}]})",
      "");
  EXPECT_EQ(text_of(r.faults), "");
  EXPECT_TRUE(r.document.whole_database);
  ASSERT_EQ(r.document.extensions.size(), 2U);
  EXPECT_EQ(r.document.extensions[0].extension, "b");
  EXPECT_EQ(r.document.extensions[0].workers.at(0).worker.extension, "b");
  EXPECT_EQ(r.document.extensions[0].workers.at(0).place, "/extensions/0/workers/0");
  EXPECT_EQ(r.document.extensions[1].place, "/extensions/1");
  EXPECT_EQ(r.document.extensions[1].settings.at(0).settings.extension, "a");
  EXPECT_EQ(r.document.extensions[1].settings.at(0).place, "/extensions/1/settings/0");
}

TEST(manifest_reader, a_database_without_extensions) {
  const manifest_result r = read(R"({"dynpgext":1,"extensions":[]})", "");
  EXPECT_EQ(text_of(r.faults), "");
  EXPECT_TRUE(r.document.whole_database);
  EXPECT_TRUE(r.document.extensions.empty());
}

TEST(manifest_reader, extensions_stand_alone_and_are_named) {
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"extensions":[],"workers":[],"extra":1})", ""),
            "/workers: must not stand beside \"extensions\"\n/extra: unknown key\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"extensions":[{},3,{"extension":"a","dynpgext":1}]})", ""),
            "/extensions/0/extension: is missing\n/extensions/1: must be an object\n"
            "/extensions/2/dynpgext: unknown key\n");
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"extensions":[]})", "queue"),
            "/extensions: not in the manifest of one extension (beyond)\n");
}

TEST(manifest_reader, names_stand_once) {
  EXPECT_EQ(faults_of(R"({"dynpgext":1,"extensions":[
      {"extension":"a","allocations":[{"name":"m","size":1}],
       "library":{"name":"l","workers":[{"name":"w","library":"l","function":"f"}]},
       "settings":[{"worker":"w","enabled":true},{"worker":"w","enabled":false}],
       "workers":[{"name":"w","library":"l","function":"f"}]},
      {"extension":"b","workers":[{"name":"w","library":"l","function":"f"}],
       "allocations":[{"name":"m","size":1}],"settings":[{"worker":"w","enabled":true}]},
      {"extension":"a","library":{"name":"l","allocations":[{"name":"m","size":2}]}}]})",
                      ""),
            "/extensions/0/settings/1/worker: \"w\" stands at /extensions/0/settings/0/worker "
            "already (beyond)\n"
            "/extensions/0/workers/0/name: \"w\" stands at /extensions/0/library/workers/0/name "
            "already (beyond)\n"
            "/extensions/1/allocations/0/name: \"m\" stands at /extensions/0/allocations/0/name "
            "already (beyond)\n"
            "/extensions/2/extension: \"a\" stands at /extensions/0/extension already (beyond)\n"
            "/extensions/2/library/allocations/0/name: \"m\" stands at "
            "/extensions/0/allocations/0/name already (beyond)\n");
}

TEST(manifest_reader, an_extension_has_at_most_a_thousand) {
  const auto text = [](int allocations, int workers) {
    std::string a, w;
    for (int i = 0; i < allocations; ++i)
      a += (i > 0 ? "," : "") + (R"({"size":1,"name":"a)" + std::to_string(i) + "\"}");
    for (int i = 0; i < workers; ++i)
      w += (i > 0 ? "," : "") +
           (R"({"library":"l","function":"f","name":"w)" + std::to_string(i) + "\"}");
    return R"({"dynpgext":1,"allocations":[)" + a + "],\"workers\":[" + w + "]}";
  };
  EXPECT_EQ(faults_of(text(1000, 0)), "");
  EXPECT_EQ(faults_of(text(500, 500)), "");
  EXPECT_EQ(faults_of(text(500, 501)),
            "(document): more than 1000 allocations and workers (beyond)\n");
  EXPECT_EQ(faults_of(text(1001, 0)),
            "(document): more than 1000 allocations and workers (beyond)\n"
            "/allocations: more than 1000 items\n");
}

// ---- the reader itself ------------------------------------------------------------------------

TEST(manifest_reader, numbers_are_the_callers) {
  server_numbers others;
  others.start_consistent = 11;
  others.start_recovery_finished = 12;
  others.flag_shmem_access = 4;
  others.flag_connects = 8;
  others.max_worker_name = 3;
  const auto read_with = [&](const std::string &name, const std::string &start) {
    const json::parsed p = parse(R"({"dynpgext":1,"workers":[{"library":"l","start":")" + start +
                                 R"(","function":"f","name":")" + name + "\"}]}");
    return read_manifest(p.document, "queue", others, microseconds_of);
  };
  const manifest_result r = read_with("abc", "consistent");
  EXPECT_EQ(r.document.extensions.at(0).workers.at(0).worker.flags, 12U);
  EXPECT_EQ(r.document.extensions.at(0).workers.at(0).worker.start, 11U);
  EXPECT_EQ(text_of(read_with("abcd", "consistent").faults),
            "/workers/0/name: more than 3 characters\n");
}

TEST(manifest_reader, many_mistakes_take_little_time_and_memory) {
  std::string text = "{\"dynpgext\":1";
  for (int i = 0; i < 60000; ++i) text += ",\"k" + std::to_string(i) + "\":0";
  const std::vector<json::fault> faults = read(text + "}").faults;
  ASSERT_EQ(faults.size(), 10001U);
  EXPECT_EQ(json::text_of(faults.back()), "(document): too many faults to show all");
  EXPECT_FALSE(faults.back().beyond_schema);
  text = "{\"dynpgext\":1,\"allocations\":[0";
  for (int i = 0; i < 60000; ++i) text += ",{}";
  EXPECT_EQ(read(text + "]}").faults.size(), 10001U);
}

TEST(manifest_reader, what_is_lost_of_many_mistakes_is_beyond_the_schema_only_if_all_of_it_is) {
  std::string settings;
  for (int i = 0; i < 15000; ++i)
    settings += std::string(i > 0 ? "," : "") + R"({"worker":"w","enabled":true})";
  std::string text = "{\"dynpgext\":1,\"extensions\":[";
  for (int i = 0; i < 15; ++i)
    text += std::string(i > 0 ? "," : "") + "{\"extension\":\"e" + std::to_string(i) +
            "\",\"settings\":[" + settings.substr(0, 30 * 1000 - 1) + "]}";
  const std::vector<json::fault> faults = read(text + "]}", "").faults;
  ASSERT_EQ(faults.size(), 10001U);
  EXPECT_TRUE(faults.front().beyond_schema);
  EXPECT_TRUE(faults.back().beyond_schema);
}

}  // namespace
}  // namespace dynpgext::model
