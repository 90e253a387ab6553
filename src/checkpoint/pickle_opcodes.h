// Instructions of Python's pickle format (protocol 2): those that describe a dictionary of tensors, and the names of
// those that are refused.
#pragma once

#include <cstdint>
#include <string_view>

namespace molmo::checkpoint {

enum Opcode : uint8_t {
  kMark = '(',
  kStop = '.',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinUnicode = 'X',
  kBuild = 'b',
  kGlobal = 'c',
  kEmptyDict = '}',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kEmptyTuple = ')',
  kSetItems = 'u',
  kProto = 0x80,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
};

struct OpcodeName {
  uint8_t code;
  std::string_view name;
};

// Names of instructions that are refused, for the message.
inline constexpr OpcodeName kRefusedOpcodes[] = {{'0', "POP"},
                                                 {'1', "POP_MARK"},
                                                 {'2', "DUP"},
                                                 {'F', "FLOAT"},
                                                 {'I', "INT"},
                                                 {'L', "LONG"},
                                                 {'P', "PERSID"},
                                                 {'S', "STRING"},
                                                 {'T', "BINSTRING"},
                                                 {'U', "SHORT_BINSTRING"},
                                                 {'V', "UNICODE"},
                                                 {'a', "APPEND"},
                                                 {'d', "DICT"},
                                                 {'e', "APPENDS"},
                                                 {'g', "GET"},
                                                 {'i', "INST"},
                                                 {'l', "LIST"},
                                                 {']', "EMPTY_LIST"},
                                                 {'o', "OBJ"},
                                                 {'p', "PUT"},
                                                 {'G', "BINFLOAT"},
                                                 {'B', "BINBYTES"},
                                                 {'C', "SHORT_BINBYTES"},
                                                 {0x81, "NEWOBJ"},
                                                 {0x82, "EXT1"},
                                                 {0x83, "EXT2"},
                                                 {0x84, "EXT4"},
                                                 {0x8b, "LONG4"},
                                                 {0x8c, "SHORT_BINUNICODE"},
                                                 {0x8d, "BINUNICODE8"},
                                                 {0x8e, "BINBYTES8"},
                                                 {0x8f, "EMPTY_SET"},
                                                 {0x90, "ADDITEMS"},
                                                 {0x91, "FROZENSET"},
                                                 {0x92, "NEWOBJ_EX"},
                                                 {0x93, "STACK_GLOBAL"},
                                                 {0x94, "MEMOIZE"},
                                                 {0x95, "FRAME"},
                                                 {0x96, "BYTEARRAY8"},
                                                 {0x97, "NEXT_BUFFER"},
                                                 {0x98, "READONLY_BUFFER"}};

}  // namespace molmo::checkpoint
