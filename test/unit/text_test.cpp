// Small functions on strings.
#include "model/text.h"

#include <gtest/gtest.h>

namespace dynpgext::model {
namespace {

TEST(text, characters_are_code_points) {
  EXPECT_EQ(characters_in(""), 0U);
  EXPECT_EQ(characters_in("abc"), 3U);
  EXPECT_EQ(characters_in("\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x98x"), 4U);
}

TEST(text, what_was_cut_ends_with_a_whole_character) {
  const std::string text = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x98";
  const std::size_t whole[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10};
  for (std::size_t i = 0; i <= text.size(); ++i)
    EXPECT_EQ(whole_length(std::string_view(text).substr(0, i)), whole[i]) << i;
  EXPECT_EQ(whole_length("\x80\x80\x80\x80\x80"), 5U) << "no UTF-8: left as it is";
}

TEST(text, a_literal_means_the_text_whatever_the_settings) {
  EXPECT_EQ(sql_literal(""), "''");
  EXPECT_EQ(sql_literal("it's"), "'it''s'");
  EXPECT_EQ(sql_literal("w\\'); DROP"), "E'w\\\\''); DROP'");
  EXPECT_EQ(sql_literal("two\nlines\x1b[2J"), "E'two\\x0alines\\x1b[2J'");
  EXPECT_EQ(sql_literal("\xc3\xa4"), "'\xc3\xa4'");
}

TEST(text, readable_is_utf8_without_control_characters) {
  for (const char *good : {"", "a\tb\r\n", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                           "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_readable(good)) << good;
  for (const char *bad : {"\x01",
                          "\x1f",
                          "\x7f",
                          "a\x0b",
                          "\x80",
                          "\xbf",
                          "\xc0\x80",
                          "\xc1\xbf",
                          "\xc2",
                          "\xc2 ",
                          "\xe0\x9f\xbf",
                          "\xe0\xa0",
                          "\xed\xa0\x80",
                          "\xed\xbf\xbf",
                          "\xf0\x8f\xbf\xbf",
                          "\xf0\x90\x80",
                          "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80",
                          "\xff",
                          "\xe2\x82\x20"})
    EXPECT_FALSE(is_readable(bad)) << to_hex(bad);
  EXPECT_FALSE(is_readable(std::string_view("a\0b", 3)));
}

TEST(text, hex_digits_lead_to_the_bytes_and_back) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  EXPECT_EQ(to_hex(std::string_view("\0\x0f\xf0\xff", 4)), "000ff0ff");
  EXPECT_EQ(from_hex(to_hex(all)), all);
  EXPECT_EQ(from_hex(""), "");
  for (const char *bad : {"0", "000", "0g", "FF", " 00", "0x00", "00\n"})
    EXPECT_EQ(from_hex(bad), std::nullopt) << bad;
}

TEST(text, an_edit_distance_counts_the_least_changes) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("name", "nam"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("scope", "scpoe"), 2U);
}

}  // namespace
}  // namespace dynpgext::model
