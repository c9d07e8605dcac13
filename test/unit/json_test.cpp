// JSON text: invalid text is refused, with place and reason; valid text is reproduced.
#include "model/json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "manifests.h"

namespace dynpgext::model::json {
namespace {

using manifests::text_of;

std::string faults_of(std::string_view text, const limits &within = {}) {
  return text_of(parse(text, within).faults);
}

// The faults without the parser's own words, which vary between its releases.
std::string place_in(std::string_view text) {
  const std::string faults = faults_of(text);
  const auto words = faults.find(": ", faults.find("syntax error at byte "));
  EXPECT_LT(words + 2, faults.size()) << "no words: " << faults;
  return faults.substr(0, words);
}

std::string again(std::string_view text) {
  const parsed p = parse(text, limits());
  EXPECT_EQ(text_of(p.faults), "") << text;
  return print(p.document, false);
}

std::string repeated(std::string_view what, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += what;
  return result;
}

TEST(json, what_is_read_is_printed_again) {
  for (const char *text :
       {"null", "true", "false", "0", "-1", "9223372036854775807", "-9223372036854775808", "1.5",
        "\"\"", R"("a\"b\\c\n\t")", "\"\xc3\xa4\xf0\x9f\x90\x98\"", "[]", "{}", "[1,[2,[]],{}]",
        R"({"z":1,"a":{"z":null,"b":[true]},"m":""})"})
    EXPECT_EQ(again(text), text);
}

TEST(json, prints_indented) {
  const parsed p = parse(R"({"b":[1,2],"a":{}})", limits());
  EXPECT_EQ(print(p.document, true), "{\n  \"b\": [\n    1,\n    2\n  ],\n  \"a\": {}\n}");
}

TEST(json, prints_what_is_no_utf8_as_replacement_characters) {
  value v;
  v.of = std::string("a\xff");
  EXPECT_EQ(print(v, false), "\"a\xef\xbf\xbd\"");
}

TEST(json, an_integer_beyond_int64_is_a_real) {
  const auto number = [](std::string_view text) {
    const value v = parse(text, limits()).document;
    return std::holds_alternative<real>(v.of) ? std::get<real>(v.of).number : std::nan("");
  };
  EXPECT_EQ(number("9223372036854775808"), 0x1p63);
  EXPECT_EQ(number("18446744073709551615"), 0x1p64);
  EXPECT_EQ(number("99999999999999999999999"), 1e23);
  EXPECT_LT(number("-9223372036854775809"), -0x1p63) << "the least int64 is another number";
  EXPECT_EQ(number("-9223372036854775808.0"), -0x1p63);
  EXPECT_EQ(number("5.0"), 5.0);
  EXPECT_EQ(number("1e-400"), 0.0);
}

TEST(json, a_number_may_be_out_of_range) {
  EXPECT_EQ(faults_of("1e400"), "(document): number out of range\n");
  EXPECT_EQ(faults_of("-1e400"), "(document): number out of range\n");
  EXPECT_EQ(faults_of(R"({"a":[1,2,{"b":1e999}]})"), "/a/2/b: number out of range\n");
  EXPECT_EQ(faults_of("[1,1e999]"), "/1: number out of range\n");
}

TEST(json, a_syntax_error_says_where_it_is) {
  EXPECT_EQ(place_in(""), "(document): syntax error at byte 1");
  EXPECT_EQ(place_in(" "), "(document): syntax error at byte 2");
  EXPECT_EQ(place_in(R"({"a":1,"b":[1,x]})"), "/b: syntax error at byte 15");
  EXPECT_EQ(place_in(R"({"a":1,})"), "(document): syntax error at byte 8");
  EXPECT_EQ(place_in(R"({"a":})"), "/a: syntax error at byte 6");
  EXPECT_EQ(place_in("{} {}"), "(document): syntax error at byte 4");
}

TEST(json, what_json_does_not_have_is_a_syntax_error) {
  for (const char *text :
       {"// a\n1", "/* a */1", "[1,]",      "'a'",         "NaN",         "Infinity", "01",
        "+1",      ".5",       "1.",        "0x1",         "\"a",         "\"\t\"",   "{a:1}",
        "[1 2]",   "tru",      "\"\\x41\"", "\"\\ud800\"", "\"\\udc00\"", "[",        "{",
        "]",       "}",        "{\"a\"}",   "1 2"})
    EXPECT_NE(faults_of(text).find("syntax error at byte "), std::string::npos) << text;
}

TEST(json, a_message_quotes_nothing_of_the_document) {
  const std::string faults = faults_of("{\"a\": \"" + std::string(1000, 'x'));
  EXPECT_LT(faults.size(), 200U) << faults;
}

TEST(json, invalid_utf8_is_refused) {
  EXPECT_EQ(faults_of("{\"a\":[\"b\",\"\xff\"]}"), "/a/1: invalid UTF-8 at byte 12\n");
  EXPECT_EQ(faults_of("{\"a\":{\"\xc3(\":1}}"), "/a: invalid UTF-8 at byte 9\n");
  for (const char *text : {"\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf5\x80\x80\x80\"", "\"\xe4\"",
                           "\"\xe0\x80\x80\"", "\"\xf4\x90\x80\x80\"", "\"\x80\""})
    EXPECT_NE(faults_of(text).find("invalid UTF-8"), std::string::npos) << text;
}

TEST(json, a_nul_character_is_refused_however_it_is_written) {
  EXPECT_EQ(faults_of(R"({"a":["b","c\u0000d"],"e":"\u0000"})"),
            "/a/1: a NUL character\n/e: a NUL character\n");
  EXPECT_EQ(faults_of(R"({"a\u0000b":{"c":"\u0000"}})"), "/a\xef\xbf\xbd"
                                                         "b: a NUL character\n/a\xef\xbf\xbd"
                                                         "b/c: a NUL character\n");
  EXPECT_EQ(faults_of(std::string_view("\"a\0\"", 4)), "(document): a NUL character at byte 3\n");
  EXPECT_EQ(faults_of(std::string_view("{}\0{", 4)), "(document): a NUL character at byte 3\n");
}

TEST(json, twice_a_name_is_refused_everywhere) {
  EXPECT_EQ(faults_of(R"({"a":1,"b":{"c":1,"c":[{"d":1,"d":2}],"e":1},"a":2,"a":3})"),
            "/b/c: stands twice in the object\n/b/c/0/d: stands twice in the object\n"
            "/a: stands twice in the object\n/a: stands twice in the object\n");
  EXPECT_EQ(faults_of(R"({"a":1,"\u0061":2})"), "/a: stands twice in the object\n");
  EXPECT_EQ(faults_of(R"([{"a":1},{"a":1},{"b":{"a":1}}])"), "");
}

TEST(json, faults_before_a_syntax_error_are_there) {
  EXPECT_EQ(place_in(R"({"a":1,"a":2,"b":})"),
            "/a: stands twice in the object\n/b: syntax error at byte 18");
}

TEST(json, the_depth_is_bounded) {
  EXPECT_EQ(faults_of(repeated("[", 16) + repeated("]", 16)), "");
  EXPECT_EQ(faults_of("[[1,[[]]]]", {100, 3}), "/0/1/0: more than 3 levels deep\n");
  EXPECT_EQ(faults_of(R"({"a":{"b":{"c":1}}})", {100, 2}), "/a/b: more than 2 levels deep\n");
  EXPECT_EQ(faults_of("1", {100, 0}), "");
  EXPECT_EQ(faults_of("[]", {100, 0}), "(document): more than 0 levels deep\n");
}

TEST(json, no_depth_overflows_the_stack) {
  const int times = 300000;
  for (const char *opening : {"[", "{\"a\":"})
    EXPECT_NE(faults_of(repeated(opening, times), {10000000, 16}).find("levels deep"),
              std::string::npos);
}

TEST(json, the_size_is_bounded) {
  EXPECT_EQ(faults_of("[1,2]", {5, 16}), "");
  EXPECT_EQ(faults_of("[1,2]", {4, 16}), "(document): more than 4 bytes\n");
  EXPECT_EQ(faults_of("\"" + std::string(1 << 20, 'x') + "\""),
            "(document): more than 1048576 bytes\n");
}

TEST(json, many_names_are_read_in_no_time) {
  std::string text = "{\"x\":0";
  for (int i = 0; i < 100000; ++i) text += ",\"" + std::to_string(i) + "\":0";
  EXPECT_EQ(faults_of(text + "}", {10000000, 16}), "");
}

TEST(json, faults_take_no_more_memory_than_somebody_would_read) {
  std::string text = "{\"" + std::string(30000, 'n') + "\":{\"a\":0";
  text += repeated(",\"a\":0", 10000);
  const std::vector<fault> faults = parse(text + "}}", limits()).faults;
  EXPECT_LT(faults.size(), 10U);
  EXPECT_EQ(faults.back().message, "too many faults to look for more");
}

TEST(json, a_pointer_is_escaped) {
  EXPECT_EQ(child("", "a"), "/a");
  EXPECT_EQ(child("/a", "b/c~d"), "/a/b~1c~0d");
  EXPECT_EQ(child("/a", ""), "/a/");
  EXPECT_EQ(child("/a", std::size_t{12}), "/a/12");
  EXPECT_EQ(faults_of(R"({"a/~":{"b":1,"b":2}})"), "/a~1~0/b: stands twice in the object\n");
}

TEST(json, a_fault_as_text) {
  EXPECT_EQ(json::text_of(fault{"/workers/2", "is missing", false}), "/workers/2: is missing");
  EXPECT_EQ(json::text_of(fault{"", "is missing", true}), "(document): is missing");
}

TEST(json, members_are_found_by_name) {
  const value v = parse(R"({"a":1,"b":null})", limits()).document;
  ASSERT_NE(v.find("a"), nullptr);
  EXPECT_EQ(std::get<std::int64_t>(v.find("a")->of), 1);
  EXPECT_NE(v.find("b"), nullptr);
  EXPECT_EQ(v.find("c"), nullptr);
  EXPECT_EQ(v.find("a")->find("a"), nullptr);
}

}  // namespace
}  // namespace dynpgext::model::json
