"""Ports stay the same from run to run, unless somebody else has taken one."""

from __future__ import annotations

import json
import socket
from pathlib import Path

from stack.ports import assign_ports, is_free


def test_ports_are_different_free_and_remembered(tmp_path: Path) -> None:
    file = tmp_path / "home" / "ports.json"
    first = assign_ports(file, ["a", "b", "c"])
    assert len(set(first.values())) == 3
    assert all(is_free(port) for port in first.values())
    assert assign_ports(file, ["a", "b", "c"]) == first
    assert json.loads(file.read_text()) == first


def test_a_port_taken_by_somebody_else_is_chosen_anew_and_the_others_stay(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = assign_ports(file, ["a", "b"])
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", first["a"]))
        somebody.listen()
        assert not is_free(first["a"])
        second = assign_ports(file, ["a", "b"])
    assert second["a"] != first["a"]
    assert second["b"] == first["b"]
    assert assign_ports(file, ["a", "b"]) == second


def test_a_port_taken_on_all_interfaces_is_not_free(tmp_path: Path) -> None:
    with socket.socket() as somebody:
        somebody.bind(("0.0.0.0", 0))
        somebody.listen()
        assert not is_free(somebody.getsockname()[1])


def test_a_new_name_gets_a_port_beside_the_old_ones(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    first = assign_ports(file, ["a"])
    both = assign_ports(file, ["a", "b"])
    assert both["a"] == first["a"] != both["b"]


def test_a_broken_file_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "ports.json"
    for content in ("{", "[]", '{"a": "x"}', '{"a": 0}', '{"a": 99999}'):
        file.write_text(content)
        assert is_free(assign_ports(file, ["a"])["a"])
