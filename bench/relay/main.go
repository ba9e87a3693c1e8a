// relay: the simplest good relay in Go: two io.CopyBuffer for each session, which splice on Linux.
//
//	relay HOST:PORT UPSTREAM_HOST:PORT
package main

import (
	"io"
	"log"
	"net"
	"os"
)

const bufferSize = 64 * 1024

func pass(to, from *net.TCPConn, done chan<- struct{}) {
	io.CopyBuffer(to, from, make([]byte, bufferSize))
	to.CloseWrite()
	done <- struct{}{}
}

func serve(client *net.TCPConn, upstream string) {
	defer client.Close()
	conn, err := net.Dial("tcp", upstream)
	if err != nil {
		return
	}
	defer conn.Close()
	server := conn.(*net.TCPConn)
	done := make(chan struct{}, 2)
	go pass(server, client, done)
	go pass(client, server, done)
	<-done
	<-done
}

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	for {
		client, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(client.(*net.TCPConn), os.Args[2])
	}
}
