"""The example applet from Python: python3 -m unittest, with EKRONA the path of the program."""

import os
import shutil
import tempfile
import threading
import unittest

from ekrona import Card, CardError, Ended, Failed, NoAnswer

PROGRAM = os.environ.get("EKRONA", "ekrona")
HELLO = "F048454C4C4F01"
GREET, COUNT = "8002000000", "8006000000"
NAME = bytes.fromhex("80040000") + b"\x03Ada"
CAP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "hello", "hello.cap")


class HelloTest(unittest.TestCase):
    def setUp(self):
        self.card = Card(PROGRAM, seed="1")
        self.addCleanup(self.card.close)
        self.assertEqual(self.card.load(CAP), [HELLO[:-2]])
        self.card.install(HELLO)
        self.assertEqual(self.card.select(HELLO).sw, 0x9000)

    def greeting(self):
        response = self.card.transmit(GREET)
        self.assertEqual(response.sw, 0x9000)
        return response.data

    def test_greets(self):
        self.assertEqual(self.greeting(), b"Hello, world")
        self.assertEqual(self.card.transmit(NAME).sw, 0x9000)
        self.assertEqual(self.card.writes()["writes"], 3)
        self.assertEqual(self.greeting(), b"Hello, Ada")
        self.assertEqual(self.card.transmit(COUNT).data, b"\x00\x02")

    def test_is_not_torn(self):
        for n in (1, 2, 3):
            self.card.snapshot("before")
            self.card.cut(n)
            with self.assertRaises(NoAnswer):
                self.card.transmit(NAME)
            self.card.reset()
            self.card.select(bytes.fromhex(HELLO))
            self.assertEqual(self.greeting(), b"Hello, world")
            self.card.restore("before")

    def test_status_words_are_no_exceptions(self):
        response = self.card.transmit("80040000")
        self.assertEqual((response.sw, response.data), (0x6700, b""))
        self.assertIn("Hello.java:", response.cause)

    def test_what_goes_wrong_is_one_line(self):
        for line in ("frobnicate", "load nowhere.cap", "8002000000 -> 6A82", "delete 00"):
            with self.assertRaises(Failed) as failed:
                self.card.line(line)
            self.assertNotIn("\n", str(failed.exception))
        self.assertEqual(self.greeting(), b"Hello, world")
        for line in ("", "# nothing", "reset\nreset"):
            with self.assertRaises(ValueError):
                self.card.line(line)
        for given in ("", "80zz", "8", "80é0", 3.5, 4, None, [256], b""):
            with self.assertRaises(CardError) as failed:
                self.card.transmit(given)
            self.assertNotIn("\n", str(failed.exception))
        for given in ("zz", None, b"\0" * 300):
            with self.assertRaises(CardError):
                self.card.select(given)
        for wrong in (lambda: self.card.install("zz"), lambda: self.card.install(None),
                      lambda: self.card.install(HELLO, 5), lambda: self.card.delete("zz"),
                      lambda: self.card.cut("x"), lambda: self.card.cut(1.5),
                      lambda: self.card.cut(-1), lambda: self.card.cut(None)):
            with self.assertRaises(CardError):
                wrong()
        for given in (5, b"reset", None):
            with self.assertRaises(ValueError):
                self.card.line(given)
        self.assertEqual(self.greeting(), b"Hello, world")

    def test_hex_or_bytes_and_any_file_name(self):
        self.card.delete(bytes.fromhex(HELLO))
        self.card.delete(bytes.fromhex(HELLO[:-2]))
        with tempfile.TemporaryDirectory() as folder:
            name = os.path.join(folder, "h\u00e4lsning \"\U0001F600\".cap")
            shutil.copy(CAP, name)
            self.card.load(name)
        self.card.install(bytes.fromhex(HELLO), parameters=b"")
        self.card.select(HELLO)
        self.assertEqual(self.greeting(), b"Hello, world")

    def test_threads_take_turns(self):
        wrong = []

        def greet():
            for _ in range(20):
                if self.card.transmit(GREET).data != b"Hello, world":
                    wrong.append("another's answer")
                if self.card.transmit(COUNT).data == b"Hello, world":
                    wrong.append("another's answer")

        threads = [threading.Thread(target=greet) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.assertEqual(wrong, [])

    def test_the_end(self):
        self.card.close()
        self.card.close()
        with self.assertRaises(Ended):
            self.card.reset()
        with self.assertRaises(CardError):
            Card("no-such-program")
        with self.assertRaises(Ended) as ended, Card(PROGRAM, profile="none") as card:
            card.reset()
        self.assertIn("none", str(ended.exception))

    def test_rubbish_from_the_program(self):
        for said in ("half", '{"line":1,', "not JSON\\n", '{"line":1}\\n', "[1]\\n", "\\377\\n", "",
                     '{"done":true,"response":"xy"}\\n', '{"done":true,"response":5}\\n'):
            with tempfile.NamedTemporaryFile("w", suffix=".sh", delete=False) as program:
                program.write("#!/bin/sh\nread line\nprintf '%s'\n" % said)
            os.chmod(program.name, 0o700)
            self.addCleanup(os.remove, program.name)
            with Card(program.name) as card, self.assertRaises(Ended, msg=said) as ended:
                card.reset()
            self.assertNotIn("\n", str(ended.exception))
            with self.assertRaises(Ended):
                card.reset()


if __name__ == "__main__":
    unittest.main()
